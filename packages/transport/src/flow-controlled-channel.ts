import { dropSlice, type EncodedMessage, onlySlice, SLICE_HEADER_BYTES, SliceCutter } from '@roomful/protocol'
import type { ByteChannel } from './channel.ts'
import { PRIORITIES } from './priority.ts'
import { type Priority, TransportError } from './room.ts'
import type { SendWindow } from './send-window.ts'

export interface FlowLimits {
  /** Longest slice, header included. */
  readonly sliceBytes: number
  /** Longest slice on a short way, for messages of more than `burstBytes` and for those behind others. */
  readonly longSliceBytes: number
  readonly burstBytes: number
  /** A way with a shorter round trip is short. */
  readonly shortRttMs: number
  /** Nothing is handed over while it would lift `bufferedAmount` above this: what a control message may wait behind. */
  readonly highWaterBytes: number
  /** On a fast way the mark is higher, as high as this much time of it, and at most `fastHighWaterBytes`. */
  readonly highWaterMs: number
  readonly fastHighWaterBytes: number
  /** Handing over goes on when `bufferedAmount` has fallen to this. */
  readonly lowWaterBytes: number
  /** Bytes of messages that may wait here; more are refused. */
  readonly queuedBytes: number
  readonly queuedMessages: number
}

/**
 * Slices of 4.5 KiB are four SCTP packets, what Chromium's dcSCTP sends for one message before it hears of the peer: only
 * with them the first flight fills the congestion window, and on a long way flights are what counts. On a short way the
 * time per slice counts instead, on both ends, except for a message that is little more than one flight. Figures:
 * docs/transport.md.
 */
export const FLOW_LIMITS: FlowLimits = {
  sliceBytes: 4608,
  longSliceBytes: 16 << 10,
  burstBytes: 32 << 10,
  shortRttMs: 10,
  highWaterBytes: 128 << 10,
  highWaterMs: 16,
  fastHighWaterBytes: 256 << 10,
  lowWaterBytes: 64 << 10,
  queuedBytes: 64 << 20,
  queuedMessages: 1024,
}

/** What is known of the way at present. */
export interface Way {
  /** Round trip of the idle way; an unknown way is taken for a long one. */
  readonly rttMs?: number | undefined
  /** What it carries from here, in 10^6 bits per second; an unknown way is taken for a slow one. */
  readonly mbitPerSecond?: number | undefined
  /** A large message left just now and nothing has come since: the way is open, and another is likely. */
  readonly inStream?: boolean
}

/** After this many slices in a row of a higher class, a waiting lower class gets one: weights must not starve. */
const FAIR_SHARE = 8

interface Outgoing {
  readonly id: number
  readonly priority: Priority
  readonly bytes: number
  readonly slices: SliceCutter
  started: boolean
  done(error?: unknown): void
}

/**
 * Sends messages over one channel as interleaved slices: control overtakes features, features overtake bulk, within a
 * class first come first served. Keeps `bufferedAmount` between two water marks and what is under way inside of a window, where
 * there is one; frees every waiter when the channel closes, and tells the receiver when a message is given up half way.
 */
export class FlowControlledChannel {
  readonly #channel: ByteChannel
  readonly #limits: FlowLimits
  readonly #way: () => Way
  readonly #window: SendWindow | undefined
  readonly #queues: Record<Priority, Outgoing[]> = { control: [], feature: [], bulk: [] }
  /** Slice after slice: a buffer for each costs more than filling it. The channel copies. */
  readonly #slice: Uint8Array<ArrayBuffer>
  #nextId = 1
  #queuedBytes = 0
  #slicesSent = 0
  #inRow = 0
  #highWaterBytes: number
  #closed: TransportError | undefined

  /** Takes over `channel.onLow`; the owner calls `close` when the channel closed. */
  constructor(
    channel: ByteChannel,
    limits: FlowLimits = FLOW_LIMITS,
    way: () => Way = () => ({}),
    window: SendWindow | undefined = undefined,
  ) {
    this.#channel = channel
    this.#limits = limits
    this.#way = way
    this.#window = window
    this.#highWaterBytes = limits.highWaterBytes
    this.#slice = new Uint8Array(Math.max(limits.sliceBytes, limits.longSliceBytes))
    channel.lowWaterBytes = limits.lowWaterBytes
    channel.onLow = () => this.#pump()
  }

  /** Bytes of messages that have not been handed over completely. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  /** Slices handed to the channel. */
  get slicesSent(): number {
    return this.#slicesSent
  }

  /**
   * Undefined when the message was handed to the channel at once, else a promise that resolves when its last slice was.
   * @throws (through the promise) TransportError `rejected` (queue full), `disconnected`; or `signal.reason`
   */
  send(message: EncodedMessage, priority: Priority, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const isFirst = this.#queuedBytes === 0
    if (isFirst && this.#atOnce(message, priority)) return undefined
    // The hand-over may have failed and closed it.
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    const { queuedBytes, queuedMessages } = this.#limits
    const waiting = PRIORITIES.reduce((sum, key) => sum + this.#queues[key].length, 0)
    if (this.#queuedBytes + message.bytes > queuedBytes || waiting >= queuedMessages) {
      const text = `the link is too slow: ${waiting} messages with ${this.#queuedBytes} bytes already wait for it`
      return Promise.reject(new TransportError('rejected', text))
    }
    const id = this.#takeId()
    const slices = new SliceCutter(message, {
      messageId: id,
      priority: PRIORITIES.indexOf(priority),
      maxSliceBytes: this.#adapt(message.bytes),
    })
    const started = isFirst && this.#handOverAll(slices)
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (slices.nextBytes === 0) return undefined
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#giveUp(outgoing, signal?.reason)
      const outgoing: Outgoing = {
        id,
        priority,
        bytes: message.bytes,
        slices,
        started,
        done: (error) => {
          signal?.removeEventListener('abort', onAbort)
          this.#queuedBytes -= message.bytes
          if (error === undefined) resolve()
          else reject(error)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queuedBytes += message.bytes
      this.#queues[priority].push(outgoing)
      if (!isFirst) this.#pump()
    })
  }

  /** The peer has got so many slices since the link began. */
  arrived(slices: number): void {
    this.#window?.arrived(slices)
    this.#pump()
  }

  /** Rejects everything that waits. Does not close the channel below; may be called twice. */
  close(error: TransportError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#channel.onLow = undefined
    for (const priority of PRIORITIES) for (const outgoing of this.#queues[priority].splice(0)) outgoing.done(error)
  }

  /** The usual small message on an idle link: no queue, no listener, no promise. */
  #atOnce(message: EncodedMessage, priority: Priority): boolean {
    const wireBytes = message.bytes + SLICE_HEADER_BYTES
    if (wireBytes > this.#limits.sliceBytes || !this.#hasRoom(wireBytes)) return false
    const options = { messageId: this.#takeId(), priority: PRIORITIES.indexOf(priority) }
    return this.#handOver(onlySlice(message, options, this.#slice))
  }

  #hasRoom(wireBytes: number): boolean {
    if (this.#window?.hasRoom(wireBytes) === false) return false
    const buffered = this.#channel.bufferedAmount
    return buffered === 0 || buffered + wireBytes <= this.#highWaterBytes
  }

  /** As much of the only message as there is room for. Returns whether it has begun. */
  #handOverAll(slices: SliceCutter): boolean {
    let started = false
    while (this.#hasRoom(slices.nextBytes)) {
      const slice = slices.next(this.#slice)
      if (slice === undefined || !this.#handOver(slice)) break
      started = true
    }
    return started
  }

  /**
   * Sets the water mark to what the way carries, and returns the slices' size for a message: small where the first flight
   * counts, on a long way and for a short message that is alone.
   */
  #adapt(messageBytes: number): number {
    const { sliceBytes, longSliceBytes, burstBytes, shortRttMs } = this.#limits
    const { highWaterBytes, highWaterMs, fastHighWaterBytes } = this.#limits
    const { rttMs, mbitPerSecond = 0, inStream = false } = this.#way()
    this.#highWaterBytes = Math.max(highWaterBytes, Math.min(fastHighWaterBytes, highWaterMs * mbitPerSecond * 125))
    const isFlight = messageBytes <= burstBytes && !inStream && this.#channel.bufferedAmount === 0
    return !isFlight && rttMs !== undefined && rttMs < shortRttMs ? longSliceBytes : sliceBytes
  }

  #takeId(): number {
    const id = this.#nextId
    this.#nextId = (id % 0xffff_fffe) + 1
    return id
  }

  #pump(): void {
    while (this.#closed === undefined) {
      const outgoing = this.#pick()
      if (outgoing === undefined || !this.#hasRoom(outgoing.slices.nextBytes)) return
      const slice = outgoing.slices.next(this.#slice)
      if (slice === undefined || !this.#handOver(slice)) return
      outgoing.started = true
      this.#account(outgoing.priority)
      if (outgoing.slices.nextBytes > 0) continue
      // Handing over may have ended a lane, which pumps again from within and finishes what was begun here.
      if (this.#remove(outgoing)) outgoing.done()
    }
  }

  /** The class whose turn it is, and its oldest message. */
  #pick(): Outgoing | undefined {
    const { control, feature, bulk } = this.#queues
    if (control[0] !== undefined) return control[0]
    if (feature[0] !== undefined && bulk[0] !== undefined) {
      return this.#inRow >= FAIR_SHARE ? bulk[0] : feature[0]
    }
    return feature[0] ?? bulk[0]
  }

  #account(priority: Priority): void {
    if (priority === 'feature') this.#inRow++
    else if (priority === 'bulk') this.#inRow = 0
  }

  #giveUp(outgoing: Outgoing, reason: unknown): void {
    if (!this.#remove(outgoing)) return
    // The receiver holds a part of it: tell it to forget. A control slice needs no water mark.
    if (outgoing.started) this.#handOver(dropSlice(outgoing.id))
    outgoing.done(reason)
    this.#pump()
  }

  #remove(outgoing: Outgoing): boolean {
    const queue = this.#queues[outgoing.priority]
    const index = queue.indexOf(outgoing)
    if (index < 0) return false
    queue.splice(index, 1)
    return true
  }

  #handOver(slice: Uint8Array<ArrayBuffer>): boolean {
    try {
      this.#channel.send(slice)
      this.#slicesSent++
      this.#window?.sent(slice.byteLength)
      return true
    } catch (cause) {
      this.close(new TransportError('disconnected', 'the channel does not take data any more', { cause }))
      this.#channel.close()
      return false
    }
  }
}
