import type { InputSpec } from '@roomful/tensor'

/** What a person would use without a room. */
export const ALONE_LIBRARIES = ['ort', 'tfjs'] as const
export type AloneLibrary = (typeof ALONE_LIBRARIES)[number]

export const isAlone = (method: string): method is AloneLibrary => ALONE_LIBRARIES.some((library) => library === method)

/** A network that is loaded and takes one preprocessed picture at a time. */
export interface BareSession {
  /** Library, backend and threads, for the notes. */
  readonly what: string
  run(input: Float32Array<ArrayBuffer>): Promise<Float32Array>
}

/** A network as a page of its own loads it. */
export interface AloneNet {
  /** ONNX with its weights inside: from the picture to the last output, no exits. */
  readonly url: string
  /** Of its input. */
  readonly dims: readonly number[]
  readonly spec: InputSpec
  /** Of ONNX Runtime: as many as the device found best. */
  readonly threads: number
}
