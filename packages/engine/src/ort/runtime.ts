import type { InferenceSession, Tensor } from 'onnxruntime-web'

/** What onnxruntime-web and onnxruntime-node have in common (both are onnxruntime-common with a backend). */
export interface OrtRuntime {
  readonly InferenceSession: { create(model: Uint8Array, options?: SessionOptions): Promise<InferenceSession> }
  readonly Tensor: OrtTensorConstructor
}

export type OrtSession = InferenceSession
export type OrtTensor = Tensor
export type SessionOptions = InferenceSession.SessionOptions
export type OrtTensorConstructor = new (
  type: Tensor.Type,
  data: Exclude<Tensor.DataType, string[]>,
  dims?: readonly number[],
) => Tensor

/**
 * How much ONNX Runtime rewrites a sub-model when it loads it. `disabled` keeps quantised nets exact across cuts (fusions
 * differ at a cut otherwise); `all` is fastest and exact to rounding on float nets.
 */
export type GraphOptimisation = 'disabled' | 'basic' | 'extended' | 'all'
