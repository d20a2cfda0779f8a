import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { compose } from './compose.ts'
import { GraphError } from './error.ts'
import { extract } from './extract.ts'
import { readModel } from './format/read-model.ts'
import { AttributeProtoSchema, GraphProtoSchema, ModelProtoSchema } from './gen/onnx-subset_pb.ts'
import { partitionPoints } from './partition.ts'
import { NetBuilder, squeezeExciteNet, staticQdqNet } from './testing/index.ts'
import { randomFeeds, relativeError, runGraph } from './testing/node/index.ts'

/** A trunk with an early exit: the exit's output comes first. */
function twoExits() {
  const net = new NetBuilder()
  const a = net.relu(net.conv(net.input('x', [1, 3, 8, 8]), { out: 4, kernel: 3 }))
  const exit = net.gemm(net.op('Flatten', [net.globalAveragePool(a)]), 3)
  const b = net.relu(net.conv(a, { out: 6, kernel: 3, stride: 2 }))
  const end = net.gemm(net.op('Flatten', [net.globalAveragePool(b)]), 3)
  return { graph: net.output(exit, end).graph(), a, exit, end }
}

describe('extract', () => {
  it('takes exactly the weights that the part needs, and shares their bytes', () => {
    const { graph, a, exit, end } = twoExits()
    const parts = [extract(graph, 'x', a), extract(graph, a, exit), extract(graph, a, end)]
    const names = parts.flatMap((part) => [...part.initialisers.keys()])
    expect(new Set(names).size).toBe(names.length)
    expect(names.sort()).toEqual([...graph.initialisers.keys()].sort())
    for (const part of parts) {
      for (const [name, tensor] of part.initialisers) expect(tensor).toBe(graph.initialisers.get(name))
    }
  })

  it('gives several outputs at once, exits included', async () => {
    const { graph, a, exit, end } = twoExits()
    const feeds = randomFeeds(graph)
    const whole = await runGraph(graph, feeds)
    const head = await runGraph(extract(graph, 'x', a), feeds)
    const tail = await runGraph(extract(graph, a, [exit, end]), head)
    for (const name of [exit, end]) {
      expect(relativeError(whole[name] ?? expect.unreachable(), tail[name] ?? expect.unreachable())).toBe(0)
    }
  })

  it('cuts an extracted part again', () => {
    const { graph, a, end } = twoExits()
    const tail = extract(graph, a, end)
    const [point] = partitionPoints(analyse(tail))
    expect(extract(tail, a, point?.tensor ?? '').nodes).toHaveLength(1)
  })

  it('carries the values of shapes that were computed before the cut', () => {
    const graph = squeezeExciteNet({ opset: 14, dynamic: true }).graph()
    const points = partitionPoints(analyse(graph))
    for (const { tensor } of points) {
      const tail = extract(graph, tensor, graph.outputs[0]?.name ?? '')
      expect(tail.inputs.map((input) => input.name)).toEqual([tensor])
      expect(tail.nodes.some((node) => node.op === 'Shape')).toBe(false)
    }
  })

  it('keeps the DequantizeLinear of weights with them', () => {
    const graph = staticQdqNet({ opset: 13 }).graph()
    const [first, second] = graph.nodes.filter((node) => node.op === 'Conv').map((node) => node.outputs[0] ?? '')
    const part = extract(graph, first ?? '', second ?? '')
    expect(part.nodes.filter((node) => node.op === 'DequantizeLinear')).toHaveLength(2)
  })

  it('keeps what the branches of an If read from the graph around them', async () => {
    const net = new NetBuilder()
    net.constant('float32', [1], [3], 'k')
    const yes = net.constant('bool', [], [1])
    const mid = net.relu(net.input('x', [1, 2, 4, 4]))
    const branch = (op: string, name: string) =>
      toBinary(
        GraphProtoSchema,
        create(GraphProtoSchema, {
          name,
          node: [{ input: [mid, 'k'], output: [name], opType: op }],
          output: [{ name, type: { tensorType: { elemType: 1 } } }],
        }),
      )
    const [chosen = ''] = net.ops('If', [yes], 1)
    const source = net.output(net.op('Neg', [chosen])).bytes()
    const model = fromBinary(ModelProtoSchema, source)
    const node = model.graph?.node.find(({ opType }) => opType === 'If')
    for (const [name, op] of [
      ['then_branch', 'Add'],
      ['else_branch', 'Mul'],
    ] as const) {
      node?.attribute.push(create(AttributeProtoSchema, { name, g: branch(op, `${name}_out`), type: 5 }))
    }
    const graph = readModel(toBinary(ModelProtoSchema, model))
    expect(analyse(graph).unsupported).toEqual([{ node: expect.stringMatching(/^If/), op: 'If' }])
    const tail = extract(graph, mid, graph.outputs[0]?.name ?? '')
    expect([...tail.initialisers.keys()].sort()).toEqual(['k', yes].sort())
    const feeds = randomFeeds(graph)
    const whole = await runGraph(graph, feeds)
    const parts = await runGraph(tail, await runGraph(extract(graph, 'x', mid), feeds))
    for (const [name, tensor] of Object.entries(whole)) {
      expect(relativeError(tensor, parts[name] ?? expect.unreachable())).toBe(0)
    }
  })

  it.each<[string, (t: ReturnType<typeof twoExits>) => unknown, string]>([
    ['a name that is no tensor', ({ graph, end }) => extract(graph, 'nothing', end), 'unknown-tensor'],
    [
      'a weight as the start',
      ({ graph, end }) => extract(graph, [...graph.initialisers.keys()][0] ?? '', end),
      'unknown-tensor',
    ],
    ['the wrong way round', ({ graph, a }) => extract(graph, a, 'x'), 'not-separating'],
    ['a side branch', ({ graph, exit, end }) => extract(graph, exit, end), 'not-separating'],
    ['a start that is not needed', ({ graph, a, exit, end }) => extract(graph, [a, exit], end), 'not-separating'],
    ['nothing', ({ graph, a }) => extract(graph, a, a), 'not-separating'],
  ])('refuses %s', (_, act, reason) => {
    expect(() => act(twoExits())).toThrowError(expect.objectContaining({ constructor: GraphError, reason }))
  })
})

describe('compose', () => {
  const bottleneck = (channels: number, out: number, opset = 13) => {
    const net = new NetBuilder({ opset, seed: 3 })
    return net.output(net.relu(net.conv(net.input('x', [1, channels, 8, 8]), { out, kernel: 1 }))).graph()
  }

  it('runs one model after the other, names of both kept apart', async () => {
    const { graph, a, exit } = twoExits()
    const [head, encoder, decoder, tail] = [
      extract(graph, 'x', a),
      bottleneck(4, 2),
      bottleneck(2, 4),
      extract(graph, a, exit),
    ]
    const all = compose(compose(compose(head, encoder), decoder), tail)
    const feeds = randomFeeds(graph)
    let value = (await runGraph(head, feeds))[a] ?? expect.unreachable()
    for (const part of [encoder, decoder]) {
      value = (await runGraph(part, { x: value }))[part.outputs[0]?.name ?? ''] ?? expect.unreachable()
    }
    const expected = (await runGraph(tail, { [a]: value }))[exit] ?? expect.unreachable()
    const got = (await runGraph(all, feeds))[all.outputs[0]?.name ?? ''] ?? expect.unreachable()
    expect(relativeError(expected, got)).toBe(0)
  })

  it('refuses what does not fit', () => {
    expect(() => compose(bottleneck(4, 2), bottleneck(3, 2))).toThrowError(/does not fit/)
    expect(() => compose(bottleneck(4, 2), bottleneck(2, 2, 11))).toThrowError(/operator sets/)
    expect(() => compose(twoExits().graph, bottleneck(3, 2))).toThrowError(/one each/)
  })
})
