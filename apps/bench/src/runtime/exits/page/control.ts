import type { BackendSpeed } from '@roomful/core'
import { type ChainStep, type InferenceEngine, runChain } from '@roomful/engine'
import {
  DEFAULT_LIMITS,
  givenBy,
  type StagedModel,
  type StagePart,
  segmentLimitMs,
  sessionsOf,
  takenBy,
} from '@roomful/runtime'
import type { FeatureMap } from '@roomful/tensor'

/** Sessions of the same network on the same engines in the same round, with nothing between them and the page. */
export interface ControlRun {
  /** The trunk uncut. */
  readonly aloneMs: number
  /** By variant with exits beside: the uncut trunk while the second Worker computes the same exits, begun at the same moment. */
  readonly besideMs: readonly number[]
  /** By the same variants: the trunk cut where the exits hang, and none computed. */
  readonly cutMs: readonly number[]
}

type Run = (picture: FeatureMap) => Promise<number>

/** What the machine itself makes of exits beside a trunk: no plan, no queue, no messages but one to each Worker and back. */
export class BareEngines implements AsyncDisposable {
  readonly #model: StagedModel
  readonly #trunk: InferenceEngine
  readonly #beside: InferenceEngine
  readonly #speed: BackendSpeed
  readonly #undo = new AsyncDisposableStack()

  constructor(model: StagedModel, trunk: InferenceEngine, beside: InferenceEngine, speed: BackendSpeed) {
    this.#model = model
    this.#trunk = trunk
    this.#beside = beside
    this.#speed = speed
  }

  /** Alone, then each variant with its exits beside, then each variant cut. */
  async prepare(variants: readonly (readonly string[])[]): Promise<Run[]> {
    const whole = await this.#steps([])
    const beside: Run[] = []
    const cut: Run[] = []
    for (const names of variants) {
      const exits = this.#model.exits.filter(({ name }) => names.includes(name))
      const chain: ChainStep[] = []
      const inputs: Record<string, FeatureMap> = {}
      for (const { from, output } of exits) {
        chain.push(...(await this.#load({ trunk: this.#trunkName, from, to: output }, this.#beside)))
        inputs[from] = this.#noise(from)
      }
      const keep = Object.keys(inputs)
      beside.push(async (picture) => {
        const computed = runChain(this.#beside, chain, inputs, { keep })
        const ms = await this.#timed(whole, picture)
        await computed
        return ms
      })
      const steps = await this.#steps(exits.map(({ from }) => from))
      cut.push((picture) => this.#timed(steps, picture))
    }
    return [(picture) => this.#timed(whole, picture), ...beside, ...cut]
  }

  runOf([aloneMs = Number.NaN, ...rest]: readonly number[]): ControlRun {
    return { aloneMs, besideMs: rest.slice(0, rest.length / 2), cutMs: rest.slice(rest.length / 2) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo[Symbol.asyncDispose]()
  }

  get #trunkName(): string {
    return this.#model.trunks[0] ?? ''
  }

  async #timed(steps: readonly ChainStep[], picture: FeatureMap): Promise<number> {
    const { tensor } = this.#model.input
    const startMs = performance.now()
    await runChain(this.#trunk, steps, { [tensor]: picture }, { keep: [tensor] })
    return performance.now() - startMs
  }

  async #steps(cuts: readonly string[]): Promise<ChainStep[]> {
    const { input, output } = this.#model
    const ends = [input.tensor, ...cuts, output.tensor]
    const steps: ChainStep[] = []
    for (const [i, to] of ends.slice(1).entries()) {
      steps.push(...(await this.#load({ trunk: this.#trunkName, from: ends[i] ?? '', to }, this.#trunk)))
    }
    return steps
  }

  async #load(part: StagePart, engine: InferenceEngine): Promise<ChainStep[]> {
    const { overheadMs, gmacsPerSecond } = this.#speed
    const msPerMac = 1e-6 / gmacsPerSecond
    const steps: ChainStep[] = []
    // Sessions end where the runtime ends them; the network is one that knows its inside.
    for (const piece of sessionsOf(
      this.#model,
      part,
      { predictedMs: 0, overheadMs, msPerMac },
      segmentLimitMs(DEFAULT_LIMITS.segmentMs, overheadMs, msPerMac),
    )) {
      const { bytes } = await this.#model.part(piece)
      const session = this.#undo.use(await engine.load(bytes, { move: true }))
      steps.push({ session, takes: takenBy(piece), gives: givenBy(piece) })
    }
    return steps
  }

  /** In shared memory, as the runtime's taps are: handing it on copies nothing while the trunk waits for its own message. */
  #noise(tensor: string): FeatureMap {
    const dims = this.#model.shape(tensor) ?? []
    const length = dims.reduce((product, dim) => product * dim, 1)
    const data = new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT))
    for (let i = 0; i < length; i++) data[i] = Math.random()
    return { dtype: 'float32', dims, data }
  }
}
