import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { GraphError } from './error.ts'
import { tileGeometry, volumeGeometry } from './geometry.ts'
import { type AttributeLiteral, NetBuilder, squeezeExciteNet } from './testing/index.ts'
import { randomFeeds, relativeError, rowsOf, runGraph } from './testing/node/index.ts'
import { tile } from './tile.ts'
import { tileable } from './volume.ts'

const net = (opset = 13) => {
  const builder = new NetBuilder({ opset })
  return { builder, x: builder.relu(builder.input('in', [1, 4, 12, 10])) }
}

/** One node over [1,4,12,10], from `relu1` to its output. */
function single(
  op: string,
  attributes: Record<string, AttributeLiteral>,
  more: (b: NetBuilder) => string[] = () => [],
) {
  const { builder, x } = net()
  const y = builder.op(op, [x, ...more(builder)], attributes)
  return { analysis: analyse(builder.output(y).graph()), x, y }
}

describe('tileable names the node that forbids it', () => {
  const cases: readonly [string, Record<string, AttributeLiteral>, RegExp, ((b: NetBuilder) => string[])?][] = [
    ['GlobalAveragePool', {}, /all rows/],
    ['GlobalMaxPool', {}, /all rows/],
    ['ReduceMean', { axes: [2, 3] }, /all rows/],
    ['Softmax', { axis: 2 }, /sums over rows/],
    ['DynamicQuantizeLinear', {}, /whole tensor/],
    ['InstanceNormalization', {}, /all rows/, (b) => [b.weight([4]), b.weight([4])]],
    ['Flatten', {}, /mixes rows/],
    ['Concat', { axis: 2 }, /rows after rows/],
    ['Split', { axis: 2 }, /splits rows/],
    ['Transpose', { perm: [0, 1, 3, 2] }, /axis 2/],
    ['Pad', { mode: 'wrap' }, /other/, (b) => [b.ints([0, 0, 1, 0, 0, 0, 1, 0])]],
    ['Slice', {}, /upside down/, (b) => [b.ints([-1]), b.ints([-99]), b.ints([2]), b.ints([-1])]],
    [
      'Resize',
      { mode: 'linear', coordinate_transformation_mode: 'align_corners' },
      /aligns corners/,
      (b) => ['', b.constant('float32', [4], [1, 1, 2, 2])],
    ],
    ['MatMul', {}, /rows/, (b) => [b.op('Transpose', [b.relu('relu1')], { perm: [0, 1, 3, 2] })]],
  ]

  it.each(cases)('%s %o', (op, attributes, why, more) => {
    const { analysis, x, y } = single(op, attributes, more)
    const result = tileable(analysis, x, y)
    expect(result.ok).toBe(false)
    if (result.ok) return
    expect(result.node).toMatch(op)
    expect(result.why).toMatch(why)
    expect(() => tile(analysis, x, y, { start: 0, end: 1 })).toThrowError(GraphError)
  })

  it('a gate from one row over all others', () => {
    const { builder, x } = net()
    const gate = builder.averagePool(x, 1)
    const row = builder.op('AveragePool', [gate], { kernel_shape: [12, 1] })
    const y = builder.op('Mul', [x, row])
    const result = tileable(analyse(builder.output(y).graph()), x, y)
    expect(result).toMatchObject({ ok: false, why: expect.stringMatching(/same rows|one row/) })
  })

  it('an operator that is not known', () => {
    const { builder, x } = net()
    const [y = ''] = builder.ops('Odd', [x], 1, {}, 'com.example')
    const result = tileable(analyse(builder.output(y).graph()), x, y)
    expect(result).toMatchObject({ ok: false, node: 'Odd_1', why: expect.stringMatching(/not known/) })
  })

  it('and not-separating when there is no such volume', () => {
    const analysis = analyse(squeezeExciteNet({ opset: 14 }).graph())
    const inside = analysis.nodes.find(({ node }) => node.op === 'HardSigmoid')?.node.outputs[0] ?? ''
    const end = analysis.graph.outputs[0]?.name ?? ''
    expect(() => tileable(analysis, inside, end)).toThrowError(/also depends on the input x/)
    expect(() => tileable(analysis, 'nothing', end)).toThrowError(/no tensor is named/)
    expect(() => tileable(analysis, end, end)).toThrowError(GraphError)
  })
})

describe('tile', () => {
  const { builder, x } = net()
  const conv = builder.conv(x, { out: 4, kernel: 3, stride: 2, pads: [1, 1, 1, 1] })
  const y = builder.add(builder.conv(conv, { out: 4, kernel: 5 }), conv)
  const graph = builder.output(y).graph()
  const analysis = analyse(graph)

  it('needs the rows that the row rule gives', () => {
    // Rows [2,4) of the sum: [0,6) of the 5x5, rows 0..5 of the strided one, [-1, 12) of the input, clipped.
    expect(tile(analysis, x, y, { start: 2, end: 4 }).inputRows).toEqual({ start: 0, end: 12 })
    expect(tile(analysis, x, y, { start: 0, end: 1 }).inputRows).toEqual({ start: 0, end: 6 })
    expect(tile(analysis, x, conv, { start: 4, end: 6 }).inputRows).toEqual({ start: 7, end: 12 })
    expect(tile(analysis, conv, y, { start: 3, end: 4 }).inputRows).toEqual({ start: 1, end: 6 })
  })

  it('keeps padding only at true borders', () => {
    const middle = tile(analysis, x, conv, { start: 2, end: 4 }).graph.nodes.find((node) => node.op === 'Conv')
    expect(middle?.attributes.get('pads')).toMatchObject({ value: [0, 1, 0, 1] })
    const first = tile(analysis, x, conv, { start: 0, end: 2 }).graph.nodes.find((node) => node.op === 'Conv')
    expect(first?.attributes.get('pads')).toMatchObject({ value: [1, 1, 0, 1] })
  })

  it('slices what a residual branch needs less of', () => {
    const { graph: part } = tile(analysis, x, y, { start: 3, end: 4 })
    expect(part.nodes.map((node) => node.op)).toEqual(['Conv', 'Conv', 'Slice', 'Add'])
    expect(part.inputs).toEqual([{ name: x, dtype: 'float32', shape: [1, 4, 11, 10] }])
    expect(part.outputs).toEqual([{ name: y, dtype: 'float32', shape: [1, 4, 1, 5] }])
  })

  it.each([
    { start: 0, end: 0 },
    { start: 3, end: 2 },
    { start: -1, end: 2 },
    { start: 0, end: 7 },
    { start: 0.5, end: 2 },
  ])('refuses rows %o of 6', (rows) => {
    expect(() => tile(analysis, x, y, rows)).toThrowError(/which has 6/)
    expect(() => tileGeometry(analysis, x, y, rows)).toThrowError(GraphError)
  })

  it('agrees with its geometry', () => {
    const geometry = volumeGeometry(analysis, x, y)
    expect([geometry.inputHeight, geometry.outputHeight]).toEqual([12, 6])
    for (let start = 0; start < 6; start += 1) {
      for (let end = start + 1; end <= 6; end += 1) {
        const part = tile(analysis, x, y, { start, end })
        const cheap = geometry.rows({ start, end })
        expect(cheap.inputRows).toEqual(part.inputRows)
        expect(cheap.macs).toBeCloseTo(analyse(part.graph).totals.macs, 3)
      }
    }
  })

  it('computes rows whose windows see only padding', async () => {
    const { builder, x } = net()
    const y = builder.conv(x, { out: 2, kernel: 2, pads: [4, 0, 5, 0] })
    const graph = builder.output(y).graph()
    const feeds = { [x]: randomFeeds(graph)['in'] ?? expect.unreachable() }
    const whole = (await runGraph(tile(graph, x, y, { start: 0, end: 20 }).graph, feeds))[y] ?? expect.unreachable()
    for (const [start, end] of [
      [0, 2],
      [1, 3],
      [2, 9],
      [17, 20],
      [19, 20],
    ] as const) {
      const part = tile(graph, x, y, { start, end })
      const rows = rowsOf(feeds[x] ?? expect.unreachable(), part.inputRows.start, part.inputRows.end)
      const made = (await runGraph(part.graph, { [x]: rows }))[y] ?? expect.unreachable()
      expect(relativeError(rowsOf(whole, start, end), made)).toBeLessThan(1e-6)
    }
  })
})
