import type { Clock } from '@roomful/core'
import { type Beat, HeartbeatMonitor } from './heartbeat-monitor.ts'

/*
 * A beat on the wire, little-endian, 40 bytes:
 *   u8 magic | u8 0 | u16 intervalMs | u32 sequence | f64 sentAtMs | f64 echoSentAtMs | f64 echoHeldMs | f64 receivedMbit
 * receivedMbit (since protocol 2) is NaN while unknown: how a sender learns its own uplink, which only the receiver sees.
 */
const MAGIC = 0x48
const BEAT_BYTES = 40
/** 1 Tbit/s: more is no measurement. */
const MAX_MBIT = 1e6

/** 200 ms: seven misses in a row (1e-9 at 5 % loss), and eight, stay below the promised 2 s. */
export const BEAT_INTERVAL_MS = 200
/** A hidden page's timers fire once a second at best; the peer is told so. */
export const HIDDEN_INTERVAL_MS = 1000
/** All links of a page wake up at the same multiples of this: ten times a second, however many peers there are. */
const CHECK_MS = 100
const SHORTEST_MS = CHECK_MS / 4

export function encodeBeat(beat: Beat): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BEAT_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, MAGIC)
  view.setUint16(2, beat.intervalMs, true)
  view.setUint32(4, beat.sequence, true)
  view.setFloat64(8, beat.sentAtMs, true)
  view.setFloat64(16, beat.echoSentAtMs, true)
  view.setFloat64(24, beat.echoHeldMs, true)
  view.setFloat64(32, beat.receivedMbit ?? Number.NaN, true)
  return bytes
}

/** Undefined for anything that is not a beat: an unreliable channel is not worth an error. */
export function decodeBeat(bytes: Uint8Array): Beat | undefined {
  if (bytes.byteLength !== BEAT_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint8(0) !== MAGIC || view.getUint8(1) !== 0) return undefined
  const receivedMbit = view.getFloat64(32, true)
  const beat: Beat = {
    intervalMs: view.getUint16(2, true),
    sequence: view.getUint32(4, true),
    sentAtMs: view.getFloat64(8, true),
    echoSentAtMs: view.getFloat64(16, true),
    echoHeldMs: view.getFloat64(24, true),
    ...(receivedMbit > 0 && receivedMbit <= MAX_MBIT ? { receivedMbit } : {}),
  }
  // A promise of more than the slowest honest timer would buy a dead peer time.
  const honest = beat.intervalMs > 0 && beat.intervalMs <= 2 * HIDDEN_INTERVAL_MS && Number.isFinite(beat.sentAtMs)
  return honest ? beat : undefined
}

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly send: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly onSilent: (silent: boolean) => void
  readonly onRtt: (rttMs: number) => void
  /** What comes in from the peer, in 10^6 bits per second, where known; every beat tells it. */
  readonly receivedMbit?: () => number | undefined
  /** What the peer gets from here, by its word. */
  readonly onTold?: (mbitPerSecond: number) => void
  /** Some count of everything that has arrived from the peer, down to acknowledgements; undefined while unknown. */
  readonly arrived?: () => Promise<number | undefined>
  /** True while this page's timers are throttled. */
  readonly hidden?: () => boolean
}

/** Beats over the unreliable channel of one link, and listens for the peer's. */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #monitor: HeartbeatMonitor
  #sequence = 0
  #silent = false
  #cancel: () => void = () => {}
  #beatAtMs = Number.NEGATIVE_INFINITY
  #asking = false
  #stopped = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#monitor = new HeartbeatMonitor(options.clock.now(), BEAT_INTERVAL_MS)
    this.#tick()
  }

  get silent(): boolean {
    return this.#silent
  }

  get rttMs(): number | undefined {
    return this.#monitor.rttMs
  }

  /** A message of the unreliable channel. */
  receive(bytes: Uint8Array): void {
    const beat = decodeBeat(bytes)
    if (beat === undefined || this.#stopped) return
    this.#monitor.beat(this.#options.clock.now(), beat)
    const { rttMs } = this.#monitor
    if (rttMs !== undefined) this.#options.onRtt(rttMs)
    if (beat.receivedMbit !== undefined) this.#options.onTold?.(beat.receivedMbit)
    this.#hear()
  }

  /** The peer sent something on the other channel. */
  alive(): void {
    this.#monitor.alive(this.#options.clock.now())
    this.#hear()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  #tick(): void {
    const { clock } = this.#options
    const nowMs = clock.now()
    const leftMs = CHECK_MS - (nowMs % CHECK_MS)
    this.#cancel = clock.after(leftMs < SHORTEST_MS ? leftMs + CHECK_MS : leftMs, () => this.#tick())
    if (nowMs >= this.#beatAtMs) this.#beat(nowMs)
    this.#check(nowMs)
  }

  #beat(nowMs: number): void {
    const { send, hidden } = this.#options
    const intervalMs = hidden?.() === true ? HIDDEN_INTERVAL_MS : BEAT_INTERVAL_MS
    this.#beatAtMs = nowMs + intervalMs - CHECK_MS / 2
    const newest = this.#monitor.newest
    const receivedMbit = this.#options.receivedMbit?.()
    send(
      encodeBeat({
        sequence: this.#sequence++,
        intervalMs,
        sentAtMs: nowMs,
        echoSentAtMs: newest?.beat.sentAtMs ?? Number.NaN,
        echoHeldMs: newest === undefined ? 0 : nowMs - newest.atMs,
        ...(receivedMbit === undefined ? {} : { receivedMbit }),
      }),
    )
  }

  #check(nowMs: number): void {
    const silent = this.#monitor.silent(nowMs, CHECK_MS)
    if (this.#monitor.suspects(nowMs)) void this.#ask()
    if (!silent || this.#silent) return
    this.#silent = true
    this.#options.onSilent(true)
  }

  async #ask(): Promise<void> {
    const { arrived, clock } = this.#options
    if (arrived === undefined || this.#asking) return
    this.#asking = true
    // A connection that cannot tell is judged by its beats alone.
    const count = await arrived().catch(() => undefined)
    this.#asking = false
    if (count !== undefined) this.#monitor.arrived(clock.now(), count)
  }

  #hear(): void {
    if (!this.#silent) return
    this.#silent = false
    this.#options.onSilent(false)
  }
}
