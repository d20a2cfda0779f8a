import type { Range } from '@roomful/core'
import type { NodeContext } from './context.ts'
import { type Operator, refuse } from './operator.ts'
import { extent, product } from './window.ts'

/** Along one axis: output row r gets input row i through tap k where r = i*stride - begin + k*dilation. */
interface Spread {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly begin: number
  readonly end: number
  /** Rows added after the last. */
  readonly extra: number
  readonly input: number
  readonly output: number
}

function spreads(c: NodeContext): Spread[] {
  const spatial = c.shape(0).slice(2)
  const kernel = c.shape(1).slice(2)
  const all = (name: string, fill: number) => c.ints(name) ?? spatial.map(() => fill)
  const [strides, dilations, extras] = [all('strides', 1), all('dilations', 1), all('output_padding', 0)]
  const pads = c.ints('pads') ?? spatial.flatMap(() => [0, 0])
  const wanted = c.ints('output_shape')?.slice(-spatial.length)
  const auto = c.string('auto_pad', 'NOTSET')
  return spatial.map((input, axis) => {
    const tap = { kernel: kernel[axis] ?? 0, dilation: dilations[axis] ?? 0, stride: strides[axis] ?? 0 }
    if (!(tap.kernel > 0 && tap.stride > 0 && tap.dilation > 0))
      throw c.fail('kernel, strides, dilations must be above 0')
    const extra = extras[axis] ?? 0
    const full = (input - 1) * tap.stride + extent(tap) + extra
    const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER'
    const target = wanted?.[axis] ?? (same ? input * tap.stride : undefined)
    let [begin, end] = [pads[axis] ?? 0, pads[axis + spatial.length] ?? 0]
    if (target !== undefined) {
      const total = Math.max(0, full - target)
      const less = Math.floor(total / 2)
      ;[begin, end] = auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less]
    } else if (auto === 'VALID') [begin, end] = [0, 0]
    const output = full - begin - end
    if (output <= 0) throw c.fail(`pads [${pads}] leave no output`)
    return { ...tap, begin, end, extra, input, output }
  })
}

/** ConvTranspose (since 1). Weights are Cin, Cout/group, kernel... */
export const convTranspose: Operator = {
  op: 'ConvTranspose',
  kind: 'conv',
  infer(c) {
    const [batch = 1, channels = 0] = c.shape(0)
    const [cin = 0, perGroup = 0] = c.shape(1)
    if (cin !== channels || c.rank(0) !== c.rank(1) || c.rank(0) < 3) {
      throw c.fail(`weights [${c.shape(1)}] over an input of [${c.shape(0)}]`)
    }
    const shape = [batch, perGroup * c.int('group', 1), ...spreads(c).map((s) => s.output)]
    return [{ dtype: c.dtype(0), shape }]
  },
  cost(c, [output]) {
    const [, perGroup = 0, ...kernel] = c.shape(1)
    const macs = product(c.shape(0)) * perGroup * product(kernel)
    return { macs, flops: 2 * (macs + product(output?.shape ?? [])) }
  },
  rows(c) {
    const { axis, unit, height } = c.main
    const all = spreads(c)
    const s = all[axis - 2]
    if (s === undefined || unit !== 1 || s.input !== height) return refuse('its rows are not on a spatial axis')
    const need = (rows: Range): Range => {
      const first = Math.ceil((rows.start + s.begin - extent(s) + 1) / s.stride)
      // Begin no later than the row asked for: what comes before it is cut off as padding.
      const start = Math.max(0, Math.min(first, Math.floor((rows.start + s.begin) / s.stride), s.input - 1))
      const end = Math.min(s.input, Math.floor((rows.end - 1 + s.begin) / s.stride) + 1)
      return { start, end: Math.max(end, start + 1) }
    }
    return {
      outputs: [{ axis, unit: 1, height: s.output }],
      need,
      rewrite(edit, rows) {
        const taken = need(rows)
        const from = taken.start * s.stride - s.begin
        const to = (taken.end - 1) * s.stride + extent(s) - s.begin
        const swap = (values: readonly number[], value: number) => values.map((v, i) => (i === axis - 2 ? value : v))
        edit.remove('auto_pad')
        edit.remove('output_shape')
        edit.ints('pads', [
          ...swap(
            all.map((o) => o.begin),
            rows.start - from,
          ),
          ...swap(
            all.map((o) => o.end),
            Math.max(0, to - rows.end),
          ),
        ])
        edit.ints(
          'output_padding',
          swap(
            all.map((o) => o.extra),
            Math.max(0, rows.end - to),
          ),
        )
      },
    }
  },
}
