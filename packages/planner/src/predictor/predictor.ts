import { type Backend, type DeviceId, type DeviceProfile, linkBetween, type Topology } from '@roomful/core'
import type { PlanKind } from '../evaluator/kind.ts'
import { CodecModel, type MessageCosts } from './codec.ts'
import { boundaryOfProfile, costsOfProfile, tableOfProfile } from './coefficients.ts'
import { ComputeModel, type RowEfficiency } from './compute.ts'
import { CPU_BACKENDS, cpuSpeed } from './cpu.ts'
import { drawnTogether } from './drawn-together.ts'
import { LinkModel } from './link.ts'
import { unseenLoadFactor } from './utilisation.ts'

/** What the planner believes about a room. Models are looked up once per planning and then called often. */
export interface LatencyPredictor {
  /** undefined: the device lacks that backend. */
  compute(device: DeviceId, backend: Backend): ComputeModel | undefined
  /** undefined: no link between the two. */
  link(from: DeviceId, to: DeviceId): LinkModel | undefined
  codec(device: DeviceId): CodecModel
  /**
   * What requests on plans of a kind have taken over what was predicted of them (`KindLearning`). Times of whole plans are multiplied with
   * it, and `auto` compares kinds by it; what a plan keeps busy is as predicted. Absent: nothing is known.
   */
  kindFactor?(kind: PlanKind): number
}

/** What ROOM.json and measurements add to a profile. */
export interface DeviceDetail {
  readonly rowStep?: number
  readonly table?: readonly RowEfficiency[]
  readonly codecMbPerSecond?: number
}

export interface RoomPredictorOptions {
  readonly details?: ReadonlyMap<DeviceId, DeviceDetail>
  /** Multiplies a device's predicted compute time: the online correction. Default 1. */
  readonly correction?: (device: DeviceId, backend: Backend) => number
  /** How much longer a device computes while others take this share of it. Default `1 / (1 - load)`, at most tenfold. */
  readonly loadFactor?: (device: DeviceId, backend: Backend, load: number) => number
  /** Fitted start windows per link, bytes. */
  readonly startWindowBytes?: (a: DeviceId, b: DeviceId) => number | undefined
  /** What sending or taking in one message costs a device. Default: nothing. */
  readonly message?: MessageCosts
  /** Multiplies them, and packing pictures: what a device's own requests have shown. Default 1. */
  readonly messageFactor?: (device: DeviceId) => number
  /** Of `LatencyPredictor`. Default 1. */
  readonly kindFactor?: (kind: PlanKind) => number
  /** Whether stages run in the bursts that a throttled processor's speed test has shown. Default: at the speed that is sustained. */
  readonly bursts?: boolean
  /** Standard deviation of what is known of a CPU's speed, as a logarithm: speeds are drawn together by it. Default 0: they are not. */
  readonly speedNoise?: number
  /** What the way of a stage to its Worker and back costs a device of this speed, ms. Default 0. */
  readonly hopMs?: (gmacsPerSecond: number) => number
}

/** The predictor of a room: speeds or fitted coefficients from the profiles, links as probed. */
export class RoomPredictor implements LatencyPredictor {
  readonly #topology: Topology
  readonly #options: RoomPredictorOptions
  readonly #devices: ReadonlyMap<DeviceId, DeviceProfile>
  /** How much slower each CPU is taken for than it has shown itself. */
  readonly #drawn: ReadonlyMap<DeviceId, number>

  constructor(topology: Topology, options: RoomPredictorOptions = {}) {
    this.#topology = topology
    this.#options = options
    this.#devices = new Map(topology.devices.map((device) => [device.id, device]))
    this.#drawn = this.#drawTogether(options.speedNoise ?? 0)
  }

  compute(device: DeviceId, backend: Backend): ComputeModel | undefined {
    const profile = this.#devices.get(device)
    const speed = profile?.backends.find((entry) => entry.backend === backend)
    if (profile === undefined || speed === undefined) return undefined
    const detail = this.#options.details?.get(device)
    const table = detail?.table ?? (detail?.rowStep === undefined ? tableOfProfile(speed) : [])
    const drawn = CPU_BACKENDS.has(backend) ? this.#drawnBy(device) : 1
    const correction = this.#correction(profile, backend) * drawn
    const loaded = this.#options.loadFactor?.(device, backend, profile.load) ?? unseenLoadFactor(profile.load)
    return new ComputeModel({
      costs: costsOfProfile(speed),
      boundary: boundaryOfProfile(speed),
      overheadMs: speed.overheadMs,
      factor: loaded * correction,
      hopMs: this.#options.hopMs?.(this.#cpuSpeed(profile)) ?? 0,
      ...(detail?.rowStep === undefined ? {} : { rowStep: detail.rowStep }),
      table,
      ...(this.#options.bursts === true && CPU_BACKENDS.has(backend) ? { burst: speed.burst ?? 1 } : {}),
    })
  }

  link(from: DeviceId, to: DeviceId): LinkModel | undefined {
    const link = linkBetween(this.#topology, from, to)
    if (link === undefined) return undefined
    const startWindowBytes = this.#options.startWindowBytes?.(from, to)
    const directed = link.a === from ? link.forwardMbitPerSecond : link.backwardMbitPerSecond
    return new LinkModel({
      rttMs: link.rttMs,
      mbitPerSecond: directed ?? link.mbitPerSecond,
      ...(startWindowBytes === undefined ? {} : { startWindowBytes }),
    })
  }

  codec(device: DeviceId): CodecModel {
    const profile = this.#devices.get(device)
    const { details, message, messageFactor } = this.#options
    const mbPerSecond = details?.get(device)?.codecMbPerSecond
    if (message === undefined || profile === undefined) {
      return new CodecModel({ gmacsPerSecond: profile?.backends[0]?.gmacsPerSecond ?? 1, mbPerSecond })
    }
    const { burst = 1 } = this.#cpu(profile)
    const factor = messageFactor?.(device) ?? 1
    return new CodecModel({ gmacsPerSecond: this.#cpuSpeed(profile), burst, mbPerSecond, message, factor })
  }

  kindFactor(kind: PlanKind): number {
    return this.#options.kindFactor?.(kind) ?? 1
  }

  /** As it has shown itself in what it computed: the speed test of a throttled processor may say three times or half of it. */
  #cpuSpeed(profile: DeviceProfile): number {
    return this.#shownSpeed(profile) / this.#drawnBy(profile.id)
  }

  #shownSpeed(profile: DeviceProfile): number {
    const { gmacsPerSecond, backend } = this.#cpu(profile)
    return gmacsPerSecond / (backend === undefined ? 1 : this.#learned(profile.id, backend))
  }

  #drawTogether(noise: number): ReadonlyMap<DeviceId, number> {
    if (noise === 0) return new Map()
    const measured = [...this.#devices.values()].filter(({ backends }) =>
      backends.some((one) => CPU_BACKENDS.has(one.backend)),
    )
    const shown = measured.map((profile) => Math.log(this.#shownSpeed(profile)))
    const drawn = drawnTogether(shown, noise)
    return new Map(measured.map(({ id }, at) => [id, Math.exp((shown[at] as number) - (drawn[at] as number))]))
  }

  #drawnBy(device: DeviceId): number {
    return this.#drawn.get(device) ?? 1
  }

  #cpu(profile: DeviceProfile): ReturnType<typeof cpuSpeed> {
    return cpuSpeed(profile, (backend) => this.#learned(profile.id, backend) !== 1)
  }

  /** What slows one engine of a CPU down (a quota, the page's own work) slows the other one, of which nothing is learned yet, down as much. */
  #correction(profile: DeviceProfile, backend: Backend): number {
    const own = this.#learned(profile.id, backend)
    if (own !== 1 || !CPU_BACKENDS.has(backend)) return own
    const { backend: other } = this.#cpu(profile)
    return other === undefined || !CPU_BACKENDS.has(other) ? own : this.#learned(profile.id, other)
  }

  #learned(device: DeviceId, backend: Backend): number {
    return this.#options.correction?.(device, backend) ?? 1
  }
}
