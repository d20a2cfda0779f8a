import { gaussian, type Random } from '@roomful/core'
import type * as Tf from '@tensorflow/tfjs'

export type Tensorflow = typeof Tf

let loaded: Promise<Tensorflow> | undefined

/** tfjs on the CPU, in WebAssembly where that backend has been loaded before; loaded on first use. */
export function loadTensorflow(): Promise<Tensorflow> {
  loaded ??= import('@tensorflow/tfjs').then(async (tf) => {
    // Layers this small lose more on the way to a GPU and back than they gain there; and a GPU has the room's work to do.
    await tf.setBackend(tf.findBackendFactory('wasm') ? 'wasm' : 'cpu')
    await tf.ready()
    return tf
  })
  return loaded
}

/** A multi-layer perceptron: ReLU between, `tanh` or nothing at the end. Weights come from the seeded generator. */
export class Perceptron {
  readonly variables: Tf.Variable[] = []
  readonly #tf: Tensorflow
  readonly #end: 'tanh' | 'linear'

  constructor(tf: Tensorflow, sizes: readonly number[], end: 'tanh' | 'linear', random: Random) {
    this.#tf = tf
    this.#end = end
    for (let i = 0; i + 1 < sizes.length; i++) {
      const [rows, columns] = [sizes[i] as number, sizes[i + 1] as number]
      const last = i + 2 === sizes.length
      const scale = last ? 3e-3 : Math.sqrt(2 / rows)
      const weights = Float32Array.from({ length: rows * columns }, () => gaussian(random) * scale)
      this.variables.push(tf.variable(tf.tensor2d(weights, [rows, columns])), tf.variable(tf.zeros([columns])))
    }
  }

  /** `[batch, inputs] -> [batch, outputs]`; call inside `tf.tidy`. */
  apply(input: Tf.Tensor2D): Tf.Tensor2D {
    let value: Tf.Tensor2D = input
    for (let i = 0; i < this.variables.length; i += 2) {
      const [weights, bias] = [this.variables[i] as Tf.Tensor2D, this.variables[i + 1] as Tf.Tensor1D]
      value = this.#tf.matMul(value, weights).add(bias)
      if (i + 2 < this.variables.length) value = this.#tf.relu(value)
      else if (this.#end === 'tanh') value = this.#tf.tanh(value)
    }
    return value
  }

  /** Moves these weights by the share `tau` towards another network's. */
  follow(other: Perceptron, tau: number): void {
    this.#tf.tidy(() => {
      for (const [i, variable] of this.variables.entries()) {
        const target = other.variables[i] as Tf.Variable
        variable.assign(variable.mul(1 - tau).add(target.mul(tau)))
      }
    })
  }

  dispose(): void {
    for (const variable of this.variables) variable.dispose()
  }
}
