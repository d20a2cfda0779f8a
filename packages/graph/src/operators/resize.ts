import type { Range } from '@roomful/core'
import type { NodeContext, RowContext } from './context.ts'
import { type Operator, type Refusal, type RowPlan, refuse, rowwise } from './operator.ts'

/** Output sizes, and the scales where the file gives those instead. */
interface Target {
  readonly shape: readonly number[]
  readonly scales?: readonly number[]
}

/** Scales: Upsample 7 (attribute), Upsample 9 and Resize 10 (input 1), Resize 11 on (input 2, or sizes as input 3). */
function target(c: NodeContext): Target {
  const input = c.shape(0)
  const axes = (c.ints('axes') ?? input.map((_, i) => i)).map((axis) => c.axis(axis, input.length))
  const modern = c.node.op === 'Resize' && c.opset >= 11
  const given = modern ? optional(c, 2) : (floats(c) ?? optional(c, 1))
  if (given !== undefined) {
    if (given.length !== axes.length) throw c.fail(`scales [${given}] for ${axes.length} axes`)
    const scales = input.map((_, axis) => (axes.includes(axis) ? (given[axes.indexOf(axis)] ?? 1) : 1))
    if (scales.some((scale) => !(scale > 0))) throw c.fail(`scales [${scales}] must be above 0`)
    return { shape: input.map((size, axis) => Math.floor(size * (scales[axis] ?? 1))), scales }
  }
  const sizes = modern ? optional(c, 3) : undefined
  if (sizes?.length !== axes.length) throw c.fail('neither scales nor sizes are known')
  const policy = c.string('keep_aspect_ratio_policy', 'stretch')
  const ratios = sizes.map((size, i) => size / (input[axes[i] ?? 0] ?? 1))
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios)
  const shape = input.map((size, axis) => {
    const at = axes.indexOf(axis)
    if (at < 0) return size
    return policy === 'stretch' ? (sizes[at] ?? size) : Math.round(ratio * size)
  })
  return { shape }
}

const optional = (c: NodeContext, input: number): readonly number[] | undefined => {
  const value = c.has(input) ? c.constant(input) : undefined
  return value !== undefined && value.length > 0 ? value : undefined
}

const floats = (c: NodeContext): readonly number[] | undefined => {
  const scales = c.node.attributes.get('scales')
  return scales?.kind === 'floats' ? scales.value : undefined
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
const isPowerOfTwo = (n: number) => Number.isInteger(Math.log2(n))

/**
 * Tiles start where input and output rows coincide (multiples of q and p for a scale of p/q), take the rows that
 * interpolation reads, and give the rows that are too many back. Sampling positions that shift with the tile
 * (align_corners, a region of interest) cannot be tiled.
 */
function rows(c: RowContext): RowPlan | Refusal {
  const { axis, unit, height } = c.main
  const { shape, scales } = target(c)
  const output = shape[axis] ?? 0
  if (output === height * unit && (scales?.[axis] ?? 1) === 1) {
    if (scales !== undefined) return rowwise([c.main])
  } else if (unit !== 1) return refuse('it resizes within rows')
  const old = c.node.op === 'Upsample' || c.opset < 11
  const coordinates = c.string('coordinate_transformation_mode', old ? 'asymmetric' : 'half_pixel')
  if (coordinates === 'align_corners') return refuse('it aligns corners, so that every row depends on the height')
  if (coordinates === 'tf_crop_and_resize') return refuse('it resizes a region of interest')
  if (c.int('antialias', 0) !== 0) return refuse('its antialiasing reads a varying number of rows')
  if (c.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') return refuse('it keeps the aspect ratio')
  const common = gcd(output, height)
  const [p, q] = [output / common, height / common]
  const scale = scales?.[axis]
  if (scale !== undefined && (scale !== p / q || !isPowerOfTwo(q))) return refuse('its scale is no ratio of whole rows')

  const offset = coordinates === 'asymmetric' ? 0 : 0.5
  const reach = c.string('mode', 'nearest') === 'cubic' ? 2 : 1
  const alignedDown = (row: number) => Math.max(0, Math.floor(row / q) * q)
  const alignedUp = (row: number) => Math.min(height, Math.ceil(row / q) * q)
  const source = (row: number) => ((row + offset) * q) / p - offset
  const produced = (wanted: Range): Range => {
    const start = alignedDown(Math.floor(source(wanted.start)) - reach + 1)
    let end = alignedUp(Math.floor(source(wanted.end - 1)) + reach + 1)
    // pytorch_half_pixel samples differently when a single row comes out.
    if (((end - start) * p) / q < 2) end = alignedUp(end + q)
    const from = ((end - start) * p) / q < 2 ? alignedDown(start - q) : start
    return { start: (from * p) / q, end: (end * p) / q }
  }
  return {
    outputs: [{ axis, unit, height: unit === 1 ? output : height }],
    need: (made) => ({ start: (made.start * q) / p, end: (made.end * q) / p }),
    produced,
    rewrite(edit, made) {
      if (scales !== undefined) return
      const axes = c.ints('axes')?.map((a) => c.axis(a, shape.length)) ?? shape.map((_, i) => i)
      edit.intsInput(
        3,
        axes.map((a) => (a === axis ? (made.end - made.start) * unit : (shape[a] ?? 0))),
      )
    },
  }
}

const resize = (op: string): Operator => ({
  op,
  kind: 'resize',
  infer: (c) => [{ dtype: c.dtype(0), shape: target(c).shape }],
  settings: [1, 2, 3],
  rows,
})

export const resizes: readonly Operator[] = [resize('Resize'), resize('Upsample')]
