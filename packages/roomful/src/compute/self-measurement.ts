import { type BackendSpeed, type Clock, sleep } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import type { Asking } from '../asking.ts'
import type { SettingsStore } from '../device/settings.ts'
import type { Planning } from '../plan/planning.ts'
import type { SnapshotStore } from '../view/store.ts'
import { keepSpeeds, measureAgain, measureDevice } from './benchmark.ts'
import type { EnginePool } from './engine-pool.ts'
import { fitSpeeds } from './fit-speeds.ts'

const QUIET_MS = 1_000
/** For the operators of one backend when somebody asks for the measurement: enough for a fifth of a core. */
const WEAK_BUDGET_MS = 8_000

export interface SelfMeasurementOptions {
  readonly settings: SettingsStore
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly asking: Asking
  readonly runtime: Runtime
  readonly engines: EnginePool
  readonly planning: Planning
  readonly speeds: () => readonly BackendSpeed[]
  readonly onSpeeds: (speeds: readonly BackendSpeed[]) => void
  readonly signal: AbortSignal
}

/** How fast this device is: measured when it joins, in the pauses of its work, and again when somebody asks for it. */
export class SelfMeasurement {
  readonly #o: SelfMeasurementOptions

  constructor(options: SelfMeasurementOptions) {
    this.#o = options
  }

  /** Rejects with `signal.reason` only. */
  async first(): Promise<void> {
    const { settings, store, asking, speeds, onSpeeds, signal } = this.#o
    await measureDevice(settings, {
      signal,
      idle: () => asking.idle(QUIET_MS, signal),
      onProgress: (benchmark) => store.update({ benchmark }),
      onSpeeds,
    })
    await this.#fit(speeds(), { between: () => this.#quiet() })
  }

  /** On the engines that run already. */
  async again(): Promise<void> {
    const { engines, signal } = this.#o
    let speeds = this.#o.speeds()
    for await (const measured of measureAgain(engines, speeds, signal)) speeds = measured
    // Told at once, when all is over: the links are measured anew at such news, and must not be beside the measuring.
    await this.#fit(speeds, { budgetMs: WEAK_BUDGET_MS })
  }

  /** The speeds are known: now what each kind of operator costs. */
  async #fit(
    known: readonly BackendSpeed[],
    options: { readonly between?: () => Promise<void>; readonly budgetMs?: number },
  ): Promise<void> {
    const { engines, planning, settings, store, onSpeeds, signal } = this.#o
    let speeds = known
    for await (const fitted of fitSpeeds(known, { ...options, engines, planning, signal })) speeds = fitted
    onSpeeds(speeds)
    await keepSpeeds(settings, speeds)
    if (speeds.length > 0) return
    store.say('error', 'Nothing in this browser could run a network: this device can neither ask nor lend.')
  }

  /** Resolves once nobody has asked anything of this device for a while. */
  async #quiet(): Promise<void> {
    const { asking, runtime, clock, signal } = this.#o
    await asking.idle(QUIET_MS, signal)
    while (runtime.counts.worker.foreign > 0) await sleep(clock, QUIET_MS / 4, signal)
  }
}
