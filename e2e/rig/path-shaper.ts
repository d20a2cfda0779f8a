import type { Clock, Random } from '@roomful/core'

/** What one direction of a path does to datagrams. */
export interface PathShape {
  /** One way. */
  readonly delayMs: number
  /** Each datagram waits up to this much longer, uniformly; order is kept. Default 0. */
  readonly jitterMs?: number
  /** Share of datagrams lost, 0..1. Default 0. */
  readonly lossProbability?: number
  /** Datagrams leave one after the other at this rate. Default: unlimited. */
  readonly mbitPerSecond?: number
  /** Datagrams that would wait longer than this for the ones before them are dropped (drop-tail). Default 200 ms. */
  readonly queueMs?: number
  /** Nothing passes: what is sent is lost. */
  readonly blackhole?: boolean
  /** Nothing passes for now: what is sent waits, and goes on when the path is given another shape, as far as its queue holds it. */
  readonly frozen?: boolean
}

/** Bytes of IPv4 and UDP headers, which take their share of the rate. */
const HEADER_BYTES = 28
const DEFAULT_QUEUE_MS = 200
/** Bytes that a frozen path keeps (drop-tail): what a router's buffer holds. */
const FROZEN_BYTES = 1 << 20
/**
 * Below this the datagram is passed on at once. Node's timers end up to a millisecond late, never early: what is due
 * within half of that is due now.
 */
const NOW_MS = 0.5

/** One direction of a path: loss, then a queue at the given rate, then delay and jitter. Keeps the order. */
export class PathShaper {
  readonly #clock: Clock
  readonly #random: Random
  readonly #waiting: { readonly dueMs: number; readonly pass: () => void }[] = []
  #shape: PathShape
  /** When the last datagram has left the queue. */
  #freeMs = Number.NEGATIVE_INFINITY
  #lastDueMs = Number.NEGATIVE_INFINITY
  #cancel: (() => void) | undefined
  #frozen: { readonly bytes: number; readonly pass: () => void }[] = []
  #frozenBytes = 0
  /** Datagrams passed on and dropped so far, and the bytes of the former. */
  readonly counts = { passed: 0, dropped: 0, bytes: 0 }

  constructor(shape: PathShape, options: { clock: Clock; random: Random }) {
    this.#shape = shape
    this.#clock = options.clock
    this.#random = options.random
  }

  /** For datagrams that come from now on. */
  reshape(shape: PathShape): void {
    this.#shape = shape
    this.#freeMs = Math.min(this.#freeMs, this.#clock.now())
    if (shape.frozen) return
    const waited = this.#frozen
    this.#frozen = []
    this.#frozenBytes = 0
    for (const { bytes, pass } of waited) this.send(bytes, pass)
  }

  send(bytes: number, pass: () => void): void {
    const { delayMs, jitterMs = 0, lossProbability = 0, mbitPerSecond, queueMs = DEFAULT_QUEUE_MS } = this.#shape
    if (this.#shape.frozen) {
      this.#keep(bytes, pass)
      return
    }
    const now = this.#clock.now()
    const isLost = this.#shape.blackhole === true || this.#random.next() < lossProbability
    const startMs = Math.max(now, this.#freeMs)
    if (isLost || startMs - now > queueMs) {
      this.counts.dropped++
      return
    }
    const serialMs = mbitPerSecond === undefined ? 0 : (bytes + HEADER_BYTES) / (mbitPerSecond * 125)
    this.#freeMs = startMs + serialMs
    const jitter = jitterMs === 0 ? 0 : this.#random.next() * jitterMs
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#freeMs + delayMs + jitter)
    this.counts.passed++
    this.counts.bytes += bytes
    this.#waiting.push({ dueMs: this.#lastDueMs, pass })
    this.#flush()
  }

  /** Drops what is under way. */
  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#waiting.length = 0
    this.#frozen = []
  }

  #keep(bytes: number, pass: () => void): void {
    if (this.#frozenBytes + bytes > FROZEN_BYTES) {
      this.counts.dropped++
      return
    }
    this.#frozenBytes += bytes
    this.#frozen.push({ bytes, pass })
  }

  /** One timer for the whole queue: it is in order of due times. */
  #flush(): void {
    const now = this.#clock.now()
    let next = this.#waiting[0]
    while (next !== undefined && next.dueMs <= now + NOW_MS) {
      this.#waiting.shift()
      next.pass()
      next = this.#waiting[0]
    }
    if (next === undefined || this.#cancel !== undefined) return
    this.#cancel = this.#clock.after(Math.max(0, next.dueMs - now - NOW_MS), () => {
      this.#cancel = undefined
      this.#flush()
    })
  }
}
