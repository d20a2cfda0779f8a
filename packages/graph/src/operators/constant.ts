import { MAX_FOLDED_ELEMENTS, smallValue } from '../tensor-values.ts'
import type { NodeContext } from './context.ts'
import { type Folded, type Operator, refuse, type TensorType } from './operator.ts'
import { product } from './window.ts'

function literal(c: NodeContext): TensorType & { value: Folded } {
  const { attributes } = c.node
  const tensor = attributes.get('value')
  if (tensor?.kind === 'tensor') {
    const { dtype, dims } = tensor.value
    return { dtype, shape: dims, value: smallValue(tensor.value, product(dims)) }
  }
  for (const [name, dtype] of [
    ['value_int', 'int64'],
    ['value_ints', 'int64'],
    ['value_float', 'float32'],
    ['value_floats', 'float32'],
  ] as const) {
    const attribute = attributes.get(name)
    if (attribute?.kind === 'int' || attribute?.kind === 'float') return { dtype, shape: [], value: [attribute.value] }
    if (attribute?.kind === 'ints' || attribute?.kind === 'floats') {
      return { dtype, shape: [attribute.value.length], value: attribute.value }
    }
  }
  const text = attributes.get('value_strings')
  const count = text?.kind === 'strings' ? [text.value.length] : []
  if (text === undefined && !attributes.has('value_string')) throw c.fail('its value is absent or sparse')
  return { dtype: 'string', shape: count, value: undefined }
}

/** Constant (1, 9, 11, 12, 13). */
const constant: Operator = {
  op: 'Constant',
  kind: 'constant',
  infer: (c) => [literal(c)],
  fold: (c) => [literal(c).value],
}

/** ConstantOfShape (9): one value everywhere, float 0 by default. */
const constantOfShape: Operator = {
  op: 'ConstantOfShape',
  kind: 'constant',
  infer(c) {
    const value = c.node.attributes.get('value')
    return [{ dtype: value?.kind === 'tensor' ? value.value.dtype : 'float32', shape: c.constant(0) }]
  },
  fold(c, [output]) {
    const value = c.node.attributes.get('value')
    const fill = value?.kind === 'tensor' ? smallValue(value.value, product(value.value.dims))?.[0] : 0
    const elements = product(output?.shape ?? [])
    const whole = output?.dtype === 'int64' || output?.dtype === 'int32'
    if (fill === undefined || elements > (whole ? MAX_FOLDED_ELEMENTS : 1)) return [undefined]
    return [new Array<number>(elements).fill(fill)]
  },
}

/** Shape (1, 13, 15: start and end): known as soon as the input's shape is, even where its values are not. */
const shape: Operator = {
  op: 'Shape',
  kind: 'constant',
  infer: (c) => [{ dtype: 'int64', shape: [dimensions(c).length] }],
  fold: (c) => [dimensions(c)],
  rows: () => refuse('it reads the height'),
}

function dimensions(c: NodeContext): readonly number[] {
  const rank = c.rank(0)
  const bound = (at: number) => Math.max(0, Math.min(rank, at < 0 ? at + rank : at))
  return c.shape(0).slice(bound(c.int('start', 0)), bound(c.int('end', rank)))
}

const size: Operator = {
  op: 'Size',
  kind: 'constant',
  infer: () => [{ dtype: 'int64', shape: [] }],
  fold: (c) => [[product(c.shape(0))]],
}

/** Range (11): start, limit, step. */
const range: Operator = {
  op: 'Range',
  kind: 'constant',
  infer: (c) => [{ dtype: c.dtype(0), shape: [rangeLength(c)] }],
  fold(c, [output]) {
    const [from = 0, step = 0] = [c.constant(0)[0], c.constant(2)[0]]
    const length = output?.shape[0] ?? 0
    if (length > MAX_FOLDED_ELEMENTS) return [undefined]
    return [Array.from({ length }, (_, i) => from + i * step)]
  },
}

function rangeLength(c: NodeContext): number {
  const [from = 0, to = 0, step = 0] = [0, 1, 2].map((i) => c.constant(i)[0] ?? 0)
  if (step === 0) throw c.fail('a step of 0')
  return Math.max(0, Math.ceil((to - from) / step))
}

export const constants: readonly Operator[] = [constant, constantOfShape, shape, size, range]
