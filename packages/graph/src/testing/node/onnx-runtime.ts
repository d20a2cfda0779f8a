import type { TensorName } from '@roomful/core'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { writeModel } from '../../format/write-model.ts'
import type { ModelGraph } from '../../model-graph.ts'

export type Tensors = Readonly<Record<TensorName, Tensor>>

/** Runs a graph in ONNX Runtime with its own optimisations off, on one thread. */
export async function runGraph(graph: ModelGraph, feeds: Tensors): Promise<Tensors> {
  const session = await InferenceSession.create(writeModel(graph).model, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  })
  try {
    return await session.run(feeds)
  } finally {
    await session.release()
  }
}

type Numbers = Float32Array | Uint8Array | Int8Array | Int32Array

/** The elements as numbers. */
export function numbersOf(tensor: Tensor): Numbers {
  const { data } = tensor
  if (data instanceof Float32Array || data instanceof Uint8Array) return data
  if (data instanceof Int8Array || data instanceof Int32Array) return data
  throw new TypeError(`tensors of ${tensor.type} are not compared`)
}

/** Rows [start, end) of axis 2. */
export function rowsOf(tensor: Tensor, start: number, end: number): Tensor {
  const [n = 1, c = 1, height = 1, ...rest] = tensor.dims
  const width = rest.reduce((a, b) => a * b, 1)
  const source = numbersOf(tensor)
  const rows = source.slice(0, n * c * (end - start) * width)
  for (let plane = 0; plane < n * c; plane += 1) {
    const from = (plane * height + start) * width
    rows.set(source.subarray(from, from + (end - start) * width), plane * (end - start) * width)
  }
  return new Tensor(tensor.type as 'float32', rows as Float32Array, [n, c, end - start, ...rest])
}

/** Largest difference as a share of the range of `whole`; infinite when sizes differ or a value is not finite. */
export function relativeError(whole: Tensor, other: Tensor): number {
  const [a, b] = [numbersOf(whole), numbersOf(other)]
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let [low, high, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (let i = 0; i < a.length; i += 1) {
    const [x = 0, y = 0] = [a[i], b[i]]
    if (!Number.isFinite(x) || !Number.isFinite(y)) return Number.POSITIVE_INFINITY
    low = Math.min(low, x)
    high = Math.max(high, x)
    worst = Math.max(worst, Math.abs(x - y))
  }
  return worst / (high > low ? high - low : 1)
}
