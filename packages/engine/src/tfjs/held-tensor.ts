import type { FeatureMap } from '@roomful/tensor'
import * as tf from '@tensorflow/tfjs-core'
import { EngineError } from '../engine.ts'
import type { HeldMap } from '../held-map.ts'
import { toOnnx } from './layout.ts'

/** Backends whose memory this thread reads without waiting. */
const AT_HAND = ['wasm', 'cpu']

/** Whether outputs may stay with the active backend. */
export const canHold = (): boolean => AT_HAND.includes(tf.getBackend())

/** A tensor in the stored order (layout.ts), as the map that it is. Owns the tensor. */
export class HeldTensor implements HeldMap {
  readonly held = true
  readonly dtype = 'float32'
  readonly dims: readonly number[]
  #tensor: tf.Tensor | undefined
  #data: FeatureMap<'float32'>['data'] | undefined

  constructor(tensor: tf.Tensor) {
    const [n = 1, h = 1, w = 1, c = 1] = tensor.shape
    this.dims = tensor.rank === 4 ? [n, c, h, w] : tensor.shape
    this.#tensor = tensor
  }

  /** Still the engine's: valid until `release`. @throws EngineError `disposed` */
  get tensor(): tf.Tensor {
    if (this.#tensor === undefined) throw new EngineError('disposed', 'the map has been let go')
    return this.#tensor
  }

  get data(): FeatureMap<'float32'>['data'] {
    this.#data ??= tf.tidy(() => toOnnx(this.tensor).dataSync<'float32'>().slice())
    return this.#data
  }

  release(): void {
    this.#tensor?.dispose()
    this.#tensor = undefined
  }
}

/** The tensor of a map that an engine of this realm holds. */
export const heldTensor = (map: FeatureMap): tf.Tensor | undefined =>
  map instanceof HeldTensor ? map.tensor : undefined
