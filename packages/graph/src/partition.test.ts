import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import type { ModelGraph } from './model-graph.ts'
import { partitionPoints } from './partition.ts'
import { denseNet, NetBuilder, pyramid, shuffleNet, squeezeExciteNet } from './testing/index.ts'

/** Whether `output` can still be reached from an input without passing `tensor`. */
function passes(graph: ModelGraph, tensor: string, output: string): boolean {
  const reached = new Set(graph.inputs.map((input) => input.name))
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => reached.has(name) && name !== tensor)) continue
    for (const name of node.outputs) reached.add(name)
  }
  return reached.has(output) && tensor !== output
}

function bruteForce(graph: ModelGraph, outputs: readonly string[]): string[] {
  const tensors = graph.nodes.flatMap((node) => node.outputs)
  return tensors.filter((tensor) => !outputs.includes(tensor) && outputs.every((o) => !passes(graph, tensor, o)))
}

/** A net of sums of up to three earlier tensors: every shape of connections. */
const randomDag = fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.nat(20)), { minLength: 2, maxLength: 14 }).map((steps) => {
  const net = new NetBuilder()
  const made = [net.input('x', [1, 2, 3, 3])]
  for (const [a, b, far] of steps) {
    const at = (back: number) => made[Math.max(0, made.length - 1 - back)] ?? 'x'
    made.push(
      far > 16 ? net.add(net.add(at(a), at(b)), at(far - 14)) : a === b ? net.relu(at(a)) : net.add(at(a), at(b)),
    )
  }
  return net.output(made.at(-1) ?? 'x').graph()
})

describe('partitionPoints', () => {
  it('are exactly the tensors without which the output cannot be reached', () => {
    fc.assert(
      fc.property(randomDag, (graph) => {
        const output = graph.outputs[0]?.name ?? ''
        const points = partitionPoints(analyse(graph)).map((point) => point.tensor)
        expect(points).toEqual(bruteForce(graph, [output]))
      }),
      { numRuns: 500, seed: 5 },
    )
  })

  it('never lie inside dense blocks or shuffled branches', () => {
    const graph = denseNet({ opset: 13 }).graph()
    const points = partitionPoints(analyse(graph)).map((point) => point.tensor)
    expect(points).toEqual(bruteForce(graph, [graph.outputs[0]?.name ?? '']))
    const shuffled = shuffleNet({ opset: 13 }).graph()
    expect(partitionPoints(analyse(shuffled)).length).toBeGreaterThan(8)
  })

  it('are not hidden by shapes computed from a tensor', () => {
    const plain = partitionPoints(analyse(squeezeExciteNet({ opset: 14 }).graph()))
    const dynamic = partitionPoints(analyse(squeezeExciteNet({ opset: 14, dynamic: true }).graph()))
    expect(dynamic.length).toBe(plain.length)
  })

  it('of a net with several outputs are those of the last one, of a given one, or of all', () => {
    const analysis = analyse(pyramid({ opset: 13 }).graph())
    const [large = '', small = ''] = analysis.graph.outputs.map((output) => output.name)
    const names = (output?: string) =>
      partitionPoints(analysis, output === undefined ? {} : { output }).map((point) => point.tensor)
    expect(names()).toEqual(bruteForce(analysis.graph, [small]))
    expect(names(large)).toEqual(bruteForce(analysis.graph, [large]))
    expect(names('all')).toEqual(bruteForce(analysis.graph, [large, small]))
    expect(names('all').length).toBeLessThan(names().length)
  })

  it('count what lies before them', () => {
    const net = new NetBuilder()
    const a = net.conv(net.input('x', [1, 3, 8, 8]), { out: 4, kernel: 3 })
    const b = net.conv(net.relu(a), { out: 2, kernel: 1, bias: false })
    const points = partitionPoints(analyse(net.output(net.relu(b)).graph()))
    expect(points.map(({ macsBefore, parametersBefore, bytes }) => [macsBefore, parametersBefore, bytes])).toEqual([
      [64 * 4 * 27, 4 * 27 + 4, 1024],
      [64 * 4 * 27, 4 * 27 + 4, 1024],
      [64 * 4 * 27 + 64 * 8, 4 * 27 + 4 + 8, 512],
    ])
  })
})
