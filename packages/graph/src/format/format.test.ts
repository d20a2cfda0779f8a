import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { analyse } from '../analyse.ts'
import { GraphError } from '../error.ts'
import { extract } from '../extract.ts'
import { type ModelProto, ModelProtoSchema, ValueInfoProtoSchema } from '../gen/onnx-subset_pb.ts'
import type { Attribute, Initialiser } from '../model-graph.ts'
import { partitionPoints } from '../partition.ts'
import { denseNet, NetBuilder, optionAResNet } from '../testing/index.ts'
import { randomFeeds, relativeError, runGraph } from '../testing/node/index.ts'
import { loadWeights, weightRanges } from './external-weights.ts'
import { readModel } from './read-model.ts'
import { writeModel } from './write-model.ts'

const small = () => {
  const net = new NetBuilder({ opset: 13 })
  return net.output(net.relu(net.conv(net.input('x', ['n', 3, 8, 8]), { out: 4, kernel: 3 })))
}

const changed = (bytes: Uint8Array, change: (model: ModelProto) => void): Uint8Array => {
  const model = fromBinary(ModelProtoSchema, bytes)
  change(model)
  return toBinary(ModelProtoSchema, model)
}

const reason = (read: () => unknown): string => {
  try {
    read()
  } catch (error) {
    if (error instanceof GraphError) return error.reason
    throw error
  }
  return 'ok'
}

describe('readModel and writeModel', () => {
  it('give the same file for the same graph', () => {
    const once = writeModel(readModel(small().bytes())).model
    expect(writeModel(readModel(once)).model).toEqual(once)
  })

  it('keep unknown fields of the model, graph, nodes, attributes, tensors and inputs', () => {
    const mark = (no: number) => [{ no, wireType: 2, data: Uint8Array.from([2, 104, 105]) }]
    const bytes = changed(small().bytes(), (model) => {
      model.$unknown = mark(20)
      const { graph } = model
      if (graph === undefined) return
      graph.$unknown = mark(16)
      for (const [i, part] of [graph.node[0], graph.node[0]?.attribute[0], graph.initializer[0]].entries()) {
        if (part !== undefined) part.$unknown = mark(100 + i)
      }
      if (graph.input[0] !== undefined) graph.input[0].$unknown = mark(3)
    })
    const back = fromBinary(ModelProtoSchema, writeModel(readModel(bytes)).model)
    const { graph } = back
    expect(back.$unknown).toEqual(mark(20))
    expect(graph?.$unknown).toEqual(mark(16))
    expect(graph?.node[0]?.$unknown).toEqual(mark(100))
    expect(graph?.node[0]?.attribute[0]?.$unknown).toEqual(mark(101))
    expect(graph?.initializer[0]?.$unknown).toEqual(mark(102))
    expect(graph?.input[0]?.$unknown).toEqual(mark(3))
    expect(back.producerName).toBe('roomful-testing')
  })

  it('do not copy the weights while reading', () => {
    const bytes = small().bytes()
    for (const { data, dtype } of readModel(bytes).initialisers.values()) {
      if (dtype === 'float32') expect(data?.buffer).toBe(bytes.buffer)
    }
  })

  it('take initialisers that are listed as inputs for what they are (IR version 3)', () => {
    const bytes = changed(small().bytes(), (model) => {
      model.irVersion = 3n
      for (const { name, dims } of model.graph?.initializer ?? []) {
        const type = { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } }
        model.graph?.input.push(create(ValueInfoProtoSchema, { name, type }))
      }
    })
    const graph = readModel(bytes)
    expect(graph.inputs.map((input) => input.name)).toEqual(['x'])
    expect(readModel(writeModel(graph).model).irVersion).toBe(4)
  })

  it('pack typed fields like raw data', () => {
    const raw = readModel(small().bytes())
    const typed = readModel(
      changed(small().bytes(), (model) => {
        for (const tensor of model.graph?.initializer ?? []) {
          const { rawData } = tensor
          const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.length)
          for (let i = 0; i < rawData.length; i += 4) tensor.floatData.push(view.getFloat32(i, true))
          Reflect.deleteProperty(tensor, 'rawData')
        }
      }),
    )
    for (const [name, { data }] of raw.initialisers) expect(typed.initialisers.get(name)?.data).toEqual(data)
  })

  it('sort nodes that the file has in another order', () => {
    const bytes = changed(denseNet({ opset: 11 }).bytes(), (model) => {
      model.graph?.node.reverse()
    })
    const { nodes } = readModel(bytes)
    const made = new Set<string>()
    for (const node of nodes) {
      for (const name of node.inputs) if (!name.startsWith('w') && name !== 'x') expect(made).toContain(name)
      for (const name of node.outputs) made.add(name)
    }
  })

  it('bind symbolic sizes, and take a symbolic batch as 1', () => {
    const net = new NetBuilder()
    const file = net.output(net.relu(net.input('x', ['n', 3, 8, 8]))).bytes()
    const open = changed(file, (model) => {
      const dims = model.graph?.input[0]?.type?.tensorType?.shape?.dim ?? []
      for (const [i, name] of ['n', '', 'h', 'w'].entries()) {
        const dim = dims[i]
        if (dim === undefined || name === '') continue
        Reflect.deleteProperty(dim, 'dimValue')
        dim.dimParam = name
      }
    })
    expect(reason(() => analyse(readModel(open)))).toBe('shape')
    const bound = analyse(readModel(open, { inputShapes: { x: [1, 3, 20, 30] } }))
    expect(bound.tensors.get('relu1')?.shape).toEqual([1, 3, 20, 30])
    expect(analyse(readModel(file)).tensors.get('relu1')?.shape).toEqual([1, 3, 8, 8])
    expect(reason(() => readModel(open, { inputShapes: { x: [1, 4, 20, 30] } }))).toBe('shape')
    expect(reason(() => readModel(open, { inputShapes: { y: [1, 3, 20, 30] } }))).toBe('unknown-tensor')
  })

  it('keep the largest int64 ("to the end" in Slice)', () => {
    const ends: Attribute = { kind: 'ints', value: [2 ** 63, -(2 ** 63)] }
    const graph = readModel(small().bytes())
    const nodes = graph.nodes.map((node) => ({ ...node, attributes: new Map([...node.attributes, ['ends', ends]]) }))
    const back = fromBinary(ModelProtoSchema, writeModel({ ...graph, nodes }).model)
    const written = back.graph?.node[0]?.attribute.find((a) => a.name === 'ends')
    expect(written?.ints).toEqual([2n ** 63n - 1n, -(2n ** 63n)])
  })

  it.each<[string, (model: ModelProto) => void, string]>([
    [
      'two tensors of one name',
      (m) => m.graph?.initializer.push(...(m.graph?.initializer.slice(0, 1) ?? [])),
      'malformed',
    ],
    ['two nodes that make one tensor', (m) => m.graph?.node.push(...(m.graph?.node.slice(0, 1) ?? [])), 'malformed'],
    ['an output that nothing makes', (m) => m.graph?.node.pop(), 'missing'],
    ['an absent initialiser', (m) => m.graph?.initializer.pop(), 'missing'],
    ['no outputs', (m) => m.graph?.output.pop(), 'malformed'],
    ['data outside the folder', (m) => external(m, '../../etc/passwd'), 'malformed'],
    ['data at an absolute path', (m) => external(m, '/etc/passwd'), 'malformed'],
  ])('refuse %s', (_, change, wanted) => {
    expect(reason(() => readModel(changed(small().bytes(), change)))).toBe(wanted)
  })
})

function external(model: ModelProto, location: string): void {
  const tensor = model.graph?.initializer[0]
  if (tensor === undefined) return
  tensor.dataLocation = 1
  tensor.externalData = [{ $typeName: 'roomful.onnx.StringStringEntryProto', key: 'location', value: location }]
}

describe('external weights', () => {
  const graph = optionAResNet({ opset: 13 }).graph()
  const { model, weights = new Uint8Array(0) } = writeModel(graph, { external: { location: 'weights.bin' } })
  const slice = ({ offset, length }: { offset: number; length: number }) => weights.subarray(offset, offset + length)

  it('leave the structure small, aligned to 64 bytes, without overlap', () => {
    const empty = readModel(model)
    let end = 0
    for (const { external, data, name } of empty.initialisers.values()) {
      if (external === undefined) continue
      expect(data).toBeUndefined()
      expect(external.offset % 64, name).toBe(0)
      expect(external.offset).toBeGreaterThanOrEqual(0)
      end = Math.max(end, external.offset + external.length)
    }
    expect(end).toBe(weights.length)
    expect(model.length).toBeLessThan(12_000)
    expect(analyse(empty).totals).toEqual(analyse(graph).totals)
  })

  it('give the same file when they are filled in again', async () => {
    const feeds = randomFeeds(graph)
    const [output = ''] = graph.outputs.map((o) => o.name)
    const whole = (await runGraph(graph, feeds))[output]
    const filled = loadWeights(readModel(model), slice)
    const read = readModel(model, { externalData: (_, offset, length) => slice({ offset, length }) })
    for (const again of [filled, read]) {
      const result = (await runGraph(again, feeds))[output]
      if (whole === undefined || result === undefined) throw new Error('no output')
      expect(relativeError(whole, result)).toBe(0)
    }
  })

  it('of a volume are one range, and those of head and tail together all', () => {
    const empty = readModel(model)
    const points = partitionPoints(analyse(empty))
    let covered = 0
    for (const [i, { tensor }] of points.entries()) {
      const from = points[i - 1]?.tensor ?? 'x'
      const ranges = weightRanges(extract(empty, from, tensor))
      expect(ranges.length, `${from} to ${tensor}`).toBeLessThanOrEqual(1)
      covered += ranges.reduce((sum, range) => sum + range.length, 0)
    }
    const rest = weightRanges(extract(empty, points.at(-1)?.tensor ?? '', empty.outputs[0]?.name ?? ''))
    covered += rest.reduce((sum, range) => sum + range.length, 0)
    expect(covered).toBeGreaterThan(weights.length - 64 * points.length)
    expect(covered).toBeLessThanOrEqual(weights.length)
  })

  it('that are not loaded cannot be written out', () => {
    expect(reason(() => writeModel(readModel(model), { external: { location: 'w' } }))).toBe('missing')
    expect(writeModel(readModel(model)).model).toEqual(model)
  })

  it('of Constant nodes move to initialisers', () => {
    const net = new NetBuilder()
    const tensor: Initialiser = { name: '', dtype: 'float32', dims: [64], data: new Uint8Array(256).fill(1) }
    const constant = net.op('Constant', [], { value: { tensor } })
    const source = net.output(net.add(net.input('x', [1, 64]), constant)).graph()
    expect(analyse(source).totals.parameters).toBe(64)
    const written = writeModel(source, { external: { location: 'w' } })
    expect(written.weights?.length).toBe(256)
    expect(readModel(written.model).nodes).toHaveLength(1)
  })
})
