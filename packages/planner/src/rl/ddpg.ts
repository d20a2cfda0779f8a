import { gaussian, type Random } from '@roomful/core'
import type * as Tf from '@tensorflow/tfjs'
import { Perceptron, type Tensorflow } from './perceptron.ts'
import { Replay, type Transition } from './replay.ts'

export interface DdpgOptions {
  readonly stateSize: number
  readonly actionSize: number
  readonly random: Random
  readonly actorLayers: readonly number[]
  readonly criticLayers: readonly number[]
  /** Transitions per gradient step. Default 16. */
  readonly batch?: number
  /** Discount of later rewards. Default 0.99. */
  readonly gamma?: number
  /** Share by which the target networks follow. Default 0.01. */
  readonly tau?: number
  readonly capacity?: number
}

/** Deep deterministic policy gradient (Lillicrap et al., 2015); actions are in [-1, 1]. Call `dispose` at the end. */
export class Ddpg {
  readonly #tf: Tensorflow
  readonly #options: Required<DdpgOptions>
  readonly #actor: Perceptron
  readonly #critic: Perceptron
  readonly #targetActor: Perceptron
  readonly #targetCritic: Perceptron
  readonly #actorOptimiser: Tf.Optimizer
  readonly #criticOptimiser: Tf.Optimizer
  readonly #replay: Replay

  constructor(tf: Tensorflow, options: DdpgOptions) {
    const full = { batch: 16, gamma: 0.99, tau: 0.01, capacity: 5_000, ...options }
    this.#tf = tf
    this.#options = full
    const actor = [full.stateSize, ...full.actorLayers, full.actionSize]
    const critic = [full.stateSize + full.actionSize, ...full.criticLayers, 1]
    this.#actor = new Perceptron(tf, actor, 'tanh', full.random)
    this.#critic = new Perceptron(tf, critic, 'linear', full.random)
    this.#targetActor = new Perceptron(tf, actor, 'tanh', full.random)
    this.#targetCritic = new Perceptron(tf, critic, 'linear', full.random)
    this.#targetActor.follow(this.#actor, 1)
    this.#targetCritic.follow(this.#critic, 1)
    this.#actorOptimiser = tf.train.adam(1e-4)
    this.#criticOptimiser = tf.train.adam(1e-3)
    this.#replay = new Replay(full.capacity)
  }

  /** The policy's action with Gaussian exploration noise of this deviation, clipped to [-1, 1]. */
  act(state: readonly number[], noise: number): number[] {
    const action = this.#tf.tidy(() => Array.from(this.#actor.apply(this.#tf.tensor2d([[...state]])).dataSync()))
    return action.map((value) => clip(value + (noise > 0 ? gaussian(this.#options.random) * noise : 0)))
  }

  remember(transition: Transition): void {
    this.#replay.add(transition)
  }

  /** One gradient step of critic and actor on a batch from the replay; nothing while it holds too little. */
  learn(): void {
    const { batch, gamma, tau, random } = this.#options
    if (this.#replay.size < batch) return
    const tf = this.#tf
    const items = this.#replay.sample(batch, random)
    tf.tidy(() => {
      const states = tf.tensor2d(items.map((item) => [...item.state]))
      const actions = tf.tensor2d(items.map((item) => [...item.action]))
      const next = tf.tensor2d(items.map((item) => [...item.next]))
      const rewards = tf.tensor2d(items.map((item) => [item.reward]))
      const alive = tf.tensor2d(items.map((item) => [item.done ? 0 : gamma]))
      const future = this.#targetCritic.apply(tf.concat2d([next, this.#targetActor.apply(next)], 1))
      const wanted = rewards.add(alive.mul(future)) as Tf.Tensor2D
      this.#criticOptimiser.minimize(
        () => tf.losses.meanSquaredError(wanted, this.#critic.apply(tf.concat2d([states, actions], 1))),
        false,
        this.#critic.variables,
      )
      this.#actorOptimiser.minimize(
        () => tf.neg(tf.mean(this.#critic.apply(tf.concat2d([states, this.#actor.apply(states)], 1)))) as Tf.Scalar,
        false,
        this.#actor.variables,
      )
    })
    this.#targetActor.follow(this.#actor, tau)
    this.#targetCritic.follow(this.#critic, tau)
  }

  dispose(): void {
    for (const network of [this.#actor, this.#critic, this.#targetActor, this.#targetCritic]) network.dispose()
    this.#actorOptimiser.dispose()
    this.#criticOptimiser.dispose()
  }
}

const clip = (value: number): number => Math.max(-1, Math.min(1, value))
