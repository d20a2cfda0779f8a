import { type Operator, refuse } from './operator.ts'
import { product } from './window.ts'

/** Gemm (1, 6, 7, 9, 11, 13): A (M,K) times B (K,N), either transposed; flops are METHODS' (2*Fin-1)*Fout. */
export const gemm: Operator = {
  op: 'Gemm',
  kind: 'gemm',
  infer(c) {
    if (c.rank(0) !== 2 || c.rank(1) !== 2) throw c.fail(`inputs [${c.shape(0)}] and [${c.shape(1)}] are not matrices`)
    const [m = 0, k = 0] = c.int('transA', 0) === 0 ? c.shape(0) : [...c.shape(0)].reverse()
    const [kB = 0, n = 0] = c.int('transB', 0) === 0 ? c.shape(1) : [...c.shape(1)].reverse()
    if (k !== kB) throw c.fail(`inputs [${c.shape(0)}] and [${c.shape(1)}] do not fit`)
    return [{ dtype: c.dtype(0), shape: [m, n] }]
  },
  cost(c, [output]) {
    const elements = product(output?.shape ?? [])
    const fan = c.shape(0)[c.int('transA', 0) === 0 ? 1 : 0] ?? 1
    return { macs: elements * fan, flops: (2 * fan - 1) * elements }
  },
  rows: () => refuse('it is fully connected'),
}
