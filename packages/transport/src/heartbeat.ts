import { type Beat, decodeBeat, encodeBeat, INTERVALS } from './beat.ts'
import { HeartbeatMonitor } from './heartbeat-monitor.ts'
import { type Pulse, type PulseMember, TICK_MS } from './pulse.ts'
import { TailProbe } from './tail-probe.ts'
import { WordOfArrival } from './word-of-arrival.ts'

/** A link that carried nothing but beats for this long rests. */
const REST_AFTER_MS = 2000
/** And sleeps after this long. */
const SLEEP_AFTER_MS = 6000
/** Messages stand for beats no longer than this: beats carry round trips and rates too. */
const LONGEST_MS = 600
/** A beat may leave this much early, so that it need not wait for the next wake-up. */
const EARLY_MS = TICK_MS / 2
/** A near way loses what overflows a socket's buffer (56 full packets in Chromium); less than this never does. */
const BURST_BYTES = 48 << 10

export interface HeartbeatOptions {
  /** The page's; all its links share one. */
  readonly pulse: Pulse
  readonly send: (bytes: Uint8Array<ArrayBuffer>) => void
  /** The same over everything that messages take, where that is more than one association. Default: `send`. */
  readonly probe?: (bytes: Uint8Array<ArrayBuffer>) => void
  readonly onSilent: (silent: boolean) => void
  /** The median of the newest round trips, and the newest one. */
  readonly onRtt: (rttMs: number, newestMs: number) => void
  /** What comes in from the peer, in 10^6 bits per second, where known; every beat tells it. */
  readonly receivedMbit?: () => number | undefined
  /** What goes out, as far as it is known, in 10^6 bits per second. */
  readonly sendMbit?: () => number | undefined
  /** What the peer gets from here, by its word. */
  readonly onTold?: (mbitPerSecond: number) => void
  /** So many slices have come there, by the peer's word. */
  readonly onArrived?: (slices: number) => void
  /** Some count of everything that has arrived from the peer, down to acknowledgements; undefined while unknown. */
  readonly arrived?: () => Promise<number | undefined>
  /** True while this page's timers are throttled. */
  readonly hidden?: () => boolean
  /** True while either end waits for an answer of the other. */
  readonly busy?: () => boolean
  /** True while messages wait for the wire. */
  readonly sending?: () => boolean
  /** Slices that have come on the messages' channel, with their bytes, and that went out on it; `alive` is told of some only. */
  readonly slices?: () => { readonly received: number; readonly receivedBytes: number; readonly sent: number }
}

/**
 * Beats over the unreliable channel of one link, and listens for the peer's. How often depends on what the link does
 * (`INTERVALS`); each beat promises the own interval, and the faster end sets the pace of both. Who misses a beat at once
 * asks for more, so that a resting link, too, has as many chances to prove itself alive as a busy one.
 */
export class Heartbeat implements PulseMember {
  readonly #options: HeartbeatOptions
  readonly #monitor: HeartbeatMonitor
  readonly #tail: TailProbe
  readonly #word: WordOfArrival
  #sequence = 0
  #silent = false
  #leave: () => void = () => {}
  #beatAtMs: number
  /** The promises of the newest two beats. */
  #promisedMs: readonly [number, number] = [INTERVALS.busyMs, INTERVALS.busyMs]
  /** When a message went out, and when one went out or came in. */
  #sentAtMs = Number.NEGATIVE_INFINITY
  #sentBytes = 0
  #movedAtMs: number
  #asking = false
  #stopped = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
    const nowMs = options.pulse.clock.now()
    this.#monitor = new HeartbeatMonitor(nowMs)
    const way = {
      clock: options.pulse.clock,
      rttMs: () => this.#monitor.rttMs,
      leastBytes: () => (this.#monitor.isNear ? BURST_BYTES : 0),
    }
    this.#word = new WordOfArrival({
      ...way,
      isLossy: () => this.#monitor.isLossy,
      tell: () => this.tell(),
    })
    this.#tail = new TailProbe({
      ...way,
      isLossy: () => this.#monitor.newest?.beat.lossless !== true,
      mbitPerSecond: () => options.sendMbit?.(),
      arrivals: () => options.slices?.().received ?? 0,
      isDelivered: () => this.#isDelivered,
      isSending: () => options.sending?.() === true,
      probe: () => this.#send(options.pulse.clock.now(), this.#promisedMs[0], options.probe),
    })
    this.#movedAtMs = nowMs
    this.#beatAtMs = nowMs
    this.#beat(nowMs)
    this.#leave = options.pulse.join(this)
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
    const nowMs = this.#options.pulse.clock.now()
    const receivedBytes = this.#options.slices?.().receivedBytes ?? 0
    this.#monitor.beat(nowMs, beat, receivedBytes + this.#sentBytes)
    this.#tail.heard(nowMs)
    this.#report(beat)
    this.#hear()
    if (beat.receivedSlices !== undefined) this.#options.onArrived?.(beat.receivedSlices)
    if (this.#stopped) return
    const isAsked = beat.intervalMs <= INTERVALS.doubtingMs
    if (isAsked ? nowMs - this.#beatAtMs >= EARLY_MS : nowMs >= this.#pairedMs(nowMs, beat.intervalMs))
      this.#beat(nowMs)
  }

  /** The peer sent something on the other channel. */
  alive(): void {
    this.#movedAtMs = this.#options.pulse.clock.now()
    this.#monitor.alive(this.#movedAtMs)
    this.#tail.heard(this.#movedAtMs)
    this.#hear()
  }

  /** Something was handed to the other channel: the peer will take it for a sign of life. */
  sent(bytes: number): void {
    this.#sentAtMs = this.#options.pulse.clock.now()
    this.#sentBytes += bytes
    this.#movedAtMs = this.#sentAtMs
    this.#word.sent(this.#sentAtMs)
    this.#tail.sent(this.#sentAtMs, bytes)
  }

  /** A message of the peer is complete. */
  whole(bytes: number): void {
    this.#word.whole(bytes)
  }

  /** A beat between those that are due: the peer hears at once what has come. */
  tell(): void {
    this.#send(this.#options.pulse.clock.now(), this.#promisedMs[0])
  }

  stop(): void {
    this.#stopped = true
    this.#word.stop()
    this.#tail.stop()
    this.#leave()
  }

  tick(nowMs: number, lateMs: number): number {
    this.#check(nowMs, lateMs)
    if (this.#stopped) return Number.POSITIVE_INFINITY
    if (nowMs >= this.#dueMs(nowMs)) this.#beat(nowMs)
    const checkMs = this.#monitor.waits(nowMs) ? nowMs + TICK_MS / 2 : Number.POSITIVE_INFINITY
    return Math.min(checkMs, this.#dueMs(nowMs))
  }

  /** The interval that this end would choose. */
  #intervalMs(nowMs: number): number {
    const { hidden, busy } = this.#options
    if (hidden?.() === true) return INTERVALS.hiddenMs
    // On a long way more beats would queue behind the same retransmissions; there datagrams are counted instead.
    if (this.#monitor.doubts(nowMs) && !this.#monitor.isLong && !this.#silent) return INTERVALS.doubtingMs
    const quietMs = nowMs - this.#movedAtMs
    const rests = this.#monitor.isSteady && quietMs >= REST_AFTER_MS && busy?.() !== true
    if (!rests) return INTERVALS.busyMs
    return this.#monitor.isSound && quietMs >= SLEEP_AFTER_MS ? INTERVALS.sleepingMs : INTERVALS.restingMs
  }

  /** Where both sleep, a beat is answered by the own one if it is half due: the acknowledgement travels with it. */
  #pairedMs(nowMs: number, peerMs: number): number {
    const { sleepingMs } = INTERVALS
    const sleep = peerMs === sleepingMs && this.#promisedMs[0] === sleepingMs
    return sleep ? this.#dueMs(nowMs) - sleepingMs / 2 : Number.POSITIVE_INFINITY
  }

  #dueMs(nowMs: number): number {
    const intervalMs = this.#intervalMs(nowMs)
    const [newest, before] = this.#promisedMs
    // Slower only after two beats that said so: one may be lost.
    const announcedMs = Math.min(intervalMs, newest, before)
    const peerMs = this.#monitor.newest?.beat.intervalMs ?? INTERVALS.busyMs
    const paceMs = intervalMs === INTERVALS.hiddenMs ? announcedMs : Math.min(announcedMs, peerMs)
    // A message stands for a beat that would say nothing new, unless the peer misses some: after a loss, messages wait.
    const isReplaced = paceMs === INTERVALS.busyMs && newest === intervalMs && this.#monitor.isSteady
    const signMs = isReplaced ? Math.max(this.#beatAtMs, this.#sentAtMs) : this.#beatAtMs
    return Math.min(signMs + paceMs, this.#beatAtMs + Math.max(LONGEST_MS, paceMs)) - EARLY_MS
  }

  #beat(nowMs: number): void {
    const intervalMs = this.#intervalMs(nowMs)
    this.#beatAtMs = nowMs
    this.#promisedMs = [intervalMs, this.#promisedMs[0]]
    this.#send(nowMs, intervalMs)
  }

  /** By the newest beat, everything that was sent has come. */
  get #isDelivered(): boolean {
    const sent = this.#options.slices?.().sent
    return sent !== undefined && this.#monitor.newest?.beat.receivedSlices === sent
  }

  #send(nowMs: number, intervalMs: number, send = this.#options.send): void {
    const newest = this.#monitor.newest
    const receivedMbit = this.#options.receivedMbit?.()
    const receivedSlices = this.#options.slices?.().received
    send(
      encodeBeat({
        sequence: this.#sequence++,
        intervalMs,
        sentAtMs: nowMs,
        echoSentAtMs: newest?.beat.sentAtMs ?? Number.NaN,
        echoHeldMs: newest === undefined ? 0 : nowMs - newest.atMs,
        ...(receivedMbit === undefined ? {} : { receivedMbit }),
        ...(receivedSlices === undefined ? {} : { receivedSlices }),
        ...(this.#monitor.isLossy ? {} : { lossless: true }),
      }),
    )
  }

  #report({ receivedMbit }: Beat): void {
    const { rttMs, newestRttMs } = this.#monitor
    if (rttMs !== undefined) this.#options.onRtt(rttMs, newestRttMs ?? rttMs)
    if (receivedMbit !== undefined) this.#options.onTold?.(receivedMbit)
  }

  #check(nowMs: number, lateMs: number): void {
    const silent = this.#monitor.silent(nowMs, lateMs)
    if (this.#monitor.isLong && this.#monitor.doubts(nowMs)) void this.#ask()
    if (!silent || this.#silent) return
    this.#silent = true
    this.#options.onSilent(true)
  }

  async #ask(): Promise<void> {
    const { arrived, pulse } = this.#options
    if (arrived === undefined || this.#asking) return
    this.#asking = true
    // A connection that cannot tell is judged by its beats alone.
    const count = await arrived().catch(() => undefined)
    this.#asking = false
    if (count !== undefined) this.#monitor.arrived(pulse.clock.now(), count)
  }

  #hear(): void {
    if (!this.#silent) return
    this.#silent = false
    this.#options.onSilent(false)
  }
}
