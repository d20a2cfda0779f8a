import type { DataType } from '../data-type.ts'
import { broadcastShape } from './broadcast.ts'
import type { NodeContext } from './context.ts'
import { type Operator, refuse, rowwise } from './operator.ts'
import { product } from './window.ts'

/** numpy matmul: vectors gain an axis that is dropped again, batch axes broadcast. */
function matmulShape(c: NodeContext, a: readonly number[], b: readonly number[]): number[] {
  if (a.length === 0 || b.length === 0) throw c.fail('an input is a scalar')
  const left = a.length === 1 ? [1, ...a] : a
  const right = b.length === 1 ? [...b, 1] : b
  const k = left.at(-1) ?? 0
  if (k !== right.at(-2)) throw c.fail(`[${a}] and [${b}] do not fit`)
  const batch = broadcastShape(c, [left.slice(0, -2), right.slice(0, -2)])
  const rows = a.length === 1 ? [] : [left.at(-2) ?? 0]
  const columns = b.length === 1 ? [] : [right.at(-1) ?? 0]
  return [...batch, ...rows, ...columns]
}

/** MatMul (1, 9, 13), MatMulInteger (10, int32 out), QLinearMatMul (10, 21; the type of its zero point out). */
const matmul = (
  op: string,
  right: number,
  settings: readonly number[],
  dtype: (c: NodeContext) => DataType,
): Operator => ({
  op,
  kind: 'gemm',
  settings,
  infer: (c) => [{ dtype: dtype(c), shape: matmulShape(c, c.shape(0), c.shape(right)) }],
  cost(c, [output]) {
    const elements = product(output?.shape ?? [])
    const fan = c.shape(0).at(-1) ?? 1
    return { macs: elements * fan, flops: (2 * fan - 1) * elements }
  },
  rows(c) {
    const layout = c.layout(0)
    const axis = layout?.axis ?? -1
    if (layout === undefined || c.layout(right) !== undefined || c.rank(right) !== 2 || axis >= c.rank(0) - 1) {
      return refuse('it multiplies over rows')
    }
    return rowwise([layout])
  },
})

export const matmuls: readonly Operator[] = [
  matmul('MatMul', 1, [], (c) => c.dtype(0)),
  matmul('MatMulInteger', 1, [2, 3], () => 'int32'),
  matmul('QLinearMatMul', 3, [1, 2, 4, 5, 6, 7], (c) => c.dtype(7)),
]
