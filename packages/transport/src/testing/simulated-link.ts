import type { Clock, Random } from '@roomful/core'
import { PRIORITIES } from '../priority.ts'
import { type Priority, TransportError } from '../room.ts'
import type { SharedAccess } from './shared-access.ts'
import { startWindowDelayMs } from './start-window.ts'

/** How one direction of a simulated link behaves. */
export interface LinkShape {
  /** Round trip without load; each direction takes half. */
  readonly rttMs: number
  /** Bytes occupy the direction for bytes / bandwidth; messages queue behind each other. */
  readonly mbitPerSecond: number
  /** Probability that a message meets a loss: the reliable channel repeats it, which costs `retransmitMs`. */
  readonly lossProbability: number
  /** Time that a loss costs the message and all behind it (SCTP: about one RTO). */
  readonly retransmitMs: number
  /** Uniform extra delay in [0, jitterMs). Messages never overtake each other within a direction. */
  readonly jitterMs: number
  /** First congestion window after idle (start-window.ts); Infinity: no such effect. */
  readonly startWindowBytes: number
}

export const DEFAULT_LINK: LinkShape = {
  rttMs: 4,
  mbitPerSecond: 100,
  lossProbability: 0,
  retransmitMs: 200,
  jitterMs: 0,
  startWindowBytes: Number.POSITIVE_INFINITY,
}

/** `send` resolves at once while fewer bytes than this wait, like the real channel's high-water mark. */
const HIGH_WATER_BYTES = 256 << 10
/** More than this may not wait; a sender that ignores the water marks is refused. */
const MAX_QUEUED_BYTES = 64 << 20

interface Transfer<T> {
  readonly message: T
  readonly bytes: number
  readonly priority: Priority
  readonly delayMs: number
  leftMs: number
  /** Until when the receiver's side is busy with it. */
  inMs: number
  accept(): void
  refuse(error: unknown): void
  detach(): void
}

/**
 * One direction of a link: bytes take their time, a message of higher priority interrupts one of lower priority (slices
 * interleave on the real link), delivery follows half a round trip after the last byte, in the order of completion.
 */
export class SimulatedDirection<T> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #deliver: (message: T) => void
  readonly #access: { readonly up: SharedAccess; readonly down: SharedAccess } | undefined
  readonly #queues: Record<Priority, Transfer<T>[]> = { control: [], feature: [], bulk: [] }
  readonly #inFlight = new Set<() => void>()
  #shape: LinkShape
  #active: Transfer<T> | undefined
  #activeSince = 0
  #cancelActive: (() => void) | undefined
  #lastDelivery = 0
  #busyUntil = Number.NEGATIVE_INFINITY
  #stalled = false
  #held: (() => void)[] = []
  #queuedBytes = 0
  #closed: TransportError | undefined

  /** `access`: what its two ends share with their other links; control messages do not wait for it. */
  constructor(options: {
    clock: Clock
    random: Random
    shape: LinkShape
    deliver: (message: T) => void
    access?: { readonly up: SharedAccess; readonly down: SharedAccess }
  }) {
    this.#access = options.access
    this.#clock = options.clock
    this.#random = options.random
    this.#shape = options.shape
    this.#deliver = options.deliver
  }

  /** Messages waiting, on their way or held by a stall. */
  get pending(): number {
    const queued = PRIORITIES.reduce((sum, priority) => sum + this.#queues[priority].length, 0)
    return queued + (this.#active === undefined ? 0 : 1) + this.#inFlight.size + this.#held.length
  }

  /** A change holds for messages sent from now on. */
  reshape(shape: LinkShape): void {
    this.#shape = shape
  }

  send(message: T, bytes: number, priority: Priority, signal?: AbortSignal): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES) {
      return Promise.reject(new TransportError('rejected', `more than ${MAX_QUEUED_BYTES} bytes wait on this link`))
    }
    return new Promise((resolve, reject) => {
      const { rttMs, mbitPerSecond, lossProbability, retransmitMs, jitterMs, startWindowBytes } = this.#shape
      const bytesPerMs = (mbitPerSecond * 1000) / 8
      // Idle for a round trip: the window is small again. An active link keeps its window.
      const idle = this.#active === undefined && this.#clock.now() - this.#busyUntil > rttMs
      const windowMs = idle ? startWindowDelayMs(bytes, { rttMs, bytesPerMs, windowBytes: startWindowBytes }) : 0
      const lostMs = this.#random.next() < lossProbability ? retransmitMs : 0
      const transfer: Transfer<T> = {
        message,
        bytes,
        priority,
        // Waiting for acknowledgements leaves the way free for the other links that share it.
        leftMs: bytes / bytesPerMs + (this.#access === undefined ? windowMs : 0),
        inMs: 0,
        delayMs: rttMs / 2 + lostMs + this.#random.next() * jitterMs + (this.#access === undefined ? 0 : windowMs),
        accept: resolve,
        refuse: reject,
        detach: () => signal?.removeEventListener('abort', onAbort),
      }
      const onAbort = () => this.#drop(transfer, signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queues[priority].push(transfer)
      this.#queuedBytes += bytes
      if (this.#queuedBytes <= HIGH_WATER_BYTES) resolve()
      this.#schedule()
    })
  }

  /**
   * The path loses everything: what is on its way is held back, nothing new starts (senders meet the water mark).
   * `resume` delivers what was held, in order, and goes on.
   */
  stall(): void {
    this.#stalled = true
  }

  resume(): void {
    this.#stalled = false
    for (const deliver of this.#held.splice(0)) deliver()
    this.#schedule()
  }

  /** Nothing more is delivered; waiting sends reject. May be called twice. */
  close(error: TransportError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#cancelActive?.()
    for (const cancel of this.#inFlight) cancel()
    this.#inFlight.clear()
    this.#held = []
    const waiting = PRIORITIES.flatMap((priority) => this.#queues[priority].splice(0))
    if (this.#active !== undefined) waiting.push(this.#active)
    this.#active = undefined
    this.#access?.up.release(this)
    for (const transfer of waiting) {
      transfer.detach()
      transfer.refuse(error)
    }
  }

  #schedule(): void {
    if (this.#stalled) return
    const next = PRIORITIES.find((priority) => this.#queues[priority].length > 0)
    if (next === undefined) return
    if (this.#active !== undefined) {
      if (PRIORITIES.indexOf(next) >= PRIORITIES.indexOf(this.#active.priority)) return
      this.#pause(this.#active)
    }
    if (next !== 'control' && this.#access?.up.take(this, () => this.#schedule()) === false) return
    const transfer = this.#queues[next].shift()
    if (transfer === undefined) return
    if (next !== 'control' && transfer.inMs === 0) {
      transfer.inMs = this.#access?.down.receive(this.#clock.now(), transfer.leftMs) ?? 0
    }
    this.#active = transfer
    this.#activeSince = this.#clock.now()
    this.#cancelActive = this.#clock.after(transfer.leftMs, () => this.#sent(transfer))
  }

  #pause(transfer: Transfer<T>): void {
    this.#cancelActive?.()
    transfer.leftMs = Math.max(0, transfer.leftMs - (this.#clock.now() - this.#activeSince))
    this.#queues[transfer.priority].unshift(transfer)
    this.#active = undefined
  }

  #sent(transfer: Transfer<T>): void {
    transfer.detach()
    this.#active = undefined
    this.#busyUntil = this.#clock.now()
    // A control message slips in between slices: what it interrupted keeps its turn.
    if (transfer.priority !== 'control') this.#access?.up.release(this)
    this.#released(transfer)
    const dueMs = Math.max(this.#lastDelivery, Math.max(this.#clock.now(), transfer.inMs) + transfer.delayMs)
    this.#lastDelivery = dueMs
    const cancel = this.#clock.after(dueMs - this.#clock.now(), () => {
      this.#inFlight.delete(cancel)
      if (this.#stalled) this.#held.push(() => this.#deliver(transfer.message))
      else this.#deliver(transfer.message)
    })
    this.#inFlight.add(cancel)
    this.#schedule()
  }

  #drop(transfer: Transfer<T>, reason: unknown): void {
    transfer.detach()
    if (this.#active === transfer) {
      this.#cancelActive?.()
      this.#active = undefined
      if (transfer.priority !== 'control') this.#access?.up.release(this)
    } else {
      const queue = this.#queues[transfer.priority]
      const index = queue.indexOf(transfer)
      if (index < 0) return
      queue.splice(index, 1)
      // It may have been interrupted and hold the turn.
      if (this.#active === undefined || this.#active.priority === 'control') this.#access?.up.release(this)
    }
    transfer.refuse(reason)
    this.#released(transfer)
    this.#schedule()
  }

  /** The transfer no longer waits: those behind it may have come below the high-water mark. */
  #released(transfer: Transfer<T>): void {
    this.#queuedBytes -= transfer.bytes
    transfer.accept()
    let ahead = 0
    for (const priority of PRIORITIES) {
      for (const waiting of this.#queues[priority]) {
        ahead += waiting.bytes
        if (ahead > HIGH_WATER_BYTES) return
        waiting.accept()
      }
    }
  }
}
