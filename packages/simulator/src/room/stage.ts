import { type Clock, type DeviceId, type DeviceProfile, type Random, sleep } from '@roomful/core'
import { createMemoryNetwork, type LinkShape, type MemoryNetwork } from '@roomful/transport/testing'
import type { SimulatedDevice } from '../device/simulated-device.ts'
import type { Usage } from '../device/usage.ts'
import type { Scenario, ScenarioEvent } from '../scenario.ts'
import type { Truth } from './truth.ts'

/** A drifting link changes in steps of this length. */
const DRIFT_STEP_MS = 100
/** Connection set-up where nothing else is known. */
const LINK_UP_MS = 20

export interface StageOptions {
  readonly clock: Clock
  readonly random: Random
  readonly scenario: Scenario
  readonly truth: Truth
  readonly usage: Usage
  readonly build: (profile: DeviceProfile, network: MemoryNetwork) => SimulatedDevice
  /** A device has another load: its own room does not tell it so. */
  readonly onLoad: () => void
}

/** Where a simulation plays: devices come and go, links change, as the scenario's events say. */
export class Stage implements AsyncDisposable {
  readonly network: MemoryNetwork
  readonly devices = new Map<string, SimulatedDevice>()
  readonly #o: StageOptions
  readonly #shapes = new Map<string, LinkShape>()
  readonly #over = new AbortController()
  /** Cancels the events to come. */
  readonly #planned: (() => void)[] = []

  constructor(options: StageOptions) {
    const { clock, random, scenario, truth, usage } = options
    this.#o = options
    const access = scenario.sharedAccess ? 'per-device' : 'per-link'
    this.network = createMemoryNetwork({ clock, random, access, linkUpMs: LINK_UP_MS })
    for (const { a, b, mbitPerSecond, rttMs } of truth.room.topology.links) {
      const startWindowBytes = truth.room.predictor.link(a, b)?.startWindowBytes ?? Number.POSITIVE_INFINITY
      const shape = { mbitPerSecond, rttMs, startWindowBytes, lossProbability: 0, jitterMs: 0, retransmitMs: 200 }
      this.#shapes.set(pair(a, b), shape)
      this.network.setLink(a, b, shape)
    }
    this.network.onSent(({ from, to, bytes }) => {
      const { mbitPerSecond = 1 } = this.#shapes.get(pair(from, to)) ?? {}
      usage.sent(from, to, bytes, mbitPerSecond)
    })
  }

  join(id: string): SimulatedDevice | undefined {
    const profile = this.#o.truth.profile(id)
    if (profile === undefined || this.devices.has(id)) return undefined
    const device = this.#o.build(profile, this.network)
    for (const other of this.devices.values()) {
      if (!this.#shapes.has(pair(profile.id, other.id))) this.network.disconnect(profile.id, other.id, 'not linked')
    }
    this.devices.set(id, device)
    return device
  }

  /** Lets the events happen, counted from now. */
  play(events: readonly ScenarioEvent[]): void {
    for (const event of events) {
      this.#planned.push(this.#o.clock.after(event.atMs, () => void this.#happen(event).catch(() => {})))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cancel of this.#planned) cancel()
    this.#over.abort(new DOMException('the simulation is over', 'AbortError'))
    for (const device of this.devices.values()) await device[Symbol.asyncDispose]()
    this.devices.clear()
  }

  async #happen(event: ScenarioEvent): Promise<void> {
    const { truth, clock } = this.#o
    switch (event.kind) {
      case 'load':
        truth.setLoad(event.device, event.load)
        this.devices.get(event.device)?.room.updateProfile({ load: event.load })
        this.#o.onLoad()
        return
      case 'join':
        this.join(event.device)
        return
      case 'leave':
      case 'kill':
        return this.#remove(event.device, event.kind)
      case 'silence': {
        const [a, b] = [event.a as DeviceId, event.b as DeviceId]
        this.network.silence(a, b)
        await sleep(clock, event.forMs, this.#over.signal)
        this.network.restore(a, b)
        return
      }
      case 'link':
        return this.#reshape(event)
    }
  }

  async #remove(id: string, how: 'leave' | 'kill'): Promise<void> {
    const device = this.devices.get(id)
    if (device === undefined) return
    this.devices.delete(id)
    if (how === 'kill') this.network.kill(device.id)
    else await device.room[Symbol.asyncDispose]()
    await device.runtime[Symbol.asyncDispose]()
  }

  async #reshape(event: ScenarioEvent & { kind: 'link' }): Promise<void> {
    const { kind, atMs, a, b, overMs, ...wanted } = event
    const key = pair(a, b)
    const from = this.#shapes.get(key)
    if (from === undefined) return
    const steps = overMs === undefined ? 1 : Math.max(1, Math.round(overMs / DRIFT_STEP_MS))
    for (let step = 1; step <= steps; step++) {
      if (overMs !== undefined) await sleep(this.#o.clock, overMs / steps, this.#over.signal)
      const between = (was: number, will: number | undefined) => was + ((will ?? was) - was) * (step / steps)
      const shape = {
        ...from,
        mbitPerSecond: between(from.mbitPerSecond, wanted.mbitPerSecond),
        rttMs: between(from.rttMs, wanted.rttMs),
        lossProbability: between(from.lossProbability, wanted.lossProbability),
        jitterMs: between(from.jitterMs, wanted.jitterMs),
      }
      this.#shapes.set(key, shape)
      this.network.setLink(a as DeviceId, b as DeviceId, shape)
    }
  }
}

const pair = (a: string, b: string): string => (a < b ? `${a}\n${b}` : `${b}\n${a}`)
