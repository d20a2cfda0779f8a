import type { DeviceId, ModelDigest } from './ids.ts'
import type { Backend } from './plan.ts'

/** The measured speed of one backend on one device. */
export interface BackendSpeed {
  readonly backend: Backend
  /** Threads of a WASM backend; 1 elsewhere. */
  readonly threads: number
  /** Sustained 10^9 multiply-accumulates per second on 3x3 convolutions, warm. */
  readonly gmacsPerSecond: number
  /** Fixed cost of one session run, read-back included. */
  readonly overheadMs: number
  /**
   * How many times faster than `gmacsPerSecond` it is for some milliseconds after a pause, as processors with a quota are; absent:
   * not faster.
   */
  readonly burst?: number
  /** Fitted per-operator coefficients (planner/predictor); absent until the micro-benchmark has ended. */
  readonly coefficients?: Readonly<Record<string, readonly number[]>>
}

/** What a device tells the room about itself. Everything here passes the signalling server. */
export interface DeviceProfile {
  readonly id: DeviceId
  /** Shown to people; at most 40 characters. */
  readonly name: string
  readonly protocol: number
  /** `worker` lends compute, `observer` only watches. */
  readonly role: 'worker' | 'observer'
  /** Fastest first; empty until the first benchmark has ended. */
  readonly backends: readonly BackendSpeed[]
  /** Models that the device can run parts of without asking a peer for weights. */
  readonly models: readonly ModelDigest[]
  readonly memoryMb: number
  readonly storage: { readonly quotaMb: number; readonly writeMbPerSecond: number; readonly readMbPerSecond: number }
  /** Whether the owner has agreed to lend compute. */
  readonly lending: boolean
  readonly visible: boolean
  readonly battery?: { readonly level: number; readonly charging: boolean }
  /** Share of the device's time taken by requests of others, 0..1. */
  readonly load: number
}

/** A measured link between two devices, same in both directions until measured otherwise. */
export interface LinkProfile {
  readonly a: DeviceId
  readonly b: DeviceId
  readonly rttMs: number
  /** Of the slower direction, where they are not told apart. */
  readonly mbitPerSecond: number
  /** From `a` to `b`, where known: a weak device sends faster than it takes in. */
  readonly forwardMbitPerSecond?: number
  /** From `b` to `a`. */
  readonly backwardMbitPerSecond?: number
}

/** What the planner sees of a room at one moment: a plain snapshot. */
export interface Topology {
  readonly initiator: DeviceId
  readonly devices: readonly DeviceProfile[]
  readonly links: readonly LinkProfile[]
}

/** The link between two devices, or undefined when they are not connected. */
export function linkBetween(topology: Topology, a: DeviceId, b: DeviceId): LinkProfile | undefined {
  return topology.links.find((link) => (link.a === a && link.b === b) || (link.a === b && link.b === a))
}
