import type { Clock } from '@roomful/core'
import type { ByteChannel } from '../channel.ts'
import type { Connect, PeerConnection, PeerConnectionOptions } from '../peer-connection.ts'

/** A byte channel in memory whose sending side drains when told to, or at once. */
export class LoopbackChannel implements ByteChannel {
  onLow: (() => void) | undefined
  onMessage: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  onClose: ((reason: string) => void) | undefined
  lowWaterBytes = 0
  bufferedAmount = 0
  other: LoopbackChannel | undefined
  closed = false
  /** While true, what leaves here vanishes without a word, and so does the news of a closing. */
  swallows = false
  /** Slices on their way. */
  readonly waiting: Uint8Array<ArrayBuffer>[] = []
  readonly #drainsItself: ((drain: () => void) => void) | undefined

  /** `schedule` runs the delivery of everything sent, later; without it the test calls `drain`. */
  constructor(schedule?: (drain: () => void) => void) {
    this.#drainsItself = schedule
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.closed) throw new Error('the channel is not open')
    this.bufferedAmount += bytes.byteLength
    this.waiting.push(bytes.slice())
    this.#drainsItself?.(() => this.drain())
  }

  /** Delivers up to `count` messages. */
  drain(count = Number.POSITIVE_INFINITY): void {
    for (let i = 0; i < count; i++) {
      const bytes = this.waiting.shift()
      if (bytes === undefined) return
      const before = this.bufferedAmount
      this.bufferedAmount -= bytes.byteLength
      if (!this.swallows) this.other?.onMessage?.(bytes)
      if (before > this.lowWaterBytes && this.bufferedAmount <= this.lowWaterBytes) this.onLow?.()
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.onClose?.('the connection was closed')
    if (!this.swallows) this.other?.close()
  }
}

export function loopbackPair(schedule?: (drain: () => void) => void): [LoopbackChannel, LoopbackChannel] {
  const pair: [LoopbackChannel, LoopbackChannel] = [new LoopbackChannel(schedule), new LoopbackChannel(schedule)]
  pair[0].other = pair[1]
  pair[1].other = pair[0]
  return pair
}

interface End {
  readonly options: PeerConnectionOptions
  readonly data: LoopbackChannel
  readonly connection: PeerConnection
  other?: End
}

/** Connections without WebRTC: they find each other through the same signals. `delayMs` is the way of a message. */
export class LoopbackNetwork {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #offers = new Map<string, End>()
  readonly #ends = new Set<End>()
  /** While true, offers are lost. */
  deaf = false
  /** While true, beats vanish. */
  mute = false
  restarts = 0

  constructor(clock: Clock, delayMs = 1) {
    this.#clock = clock
    this.#delayMs = delayMs
  }

  readonly connect: Connect = (options) => {
    const data = new LoopbackChannel((drain) => void this.#clock.after(this.#delayMs, drain))
    const end: End = {
      options,
      data,
      connection: {
        data,
        sendBeat: (bytes) => {
          const { other } = end
          if (this.mute || data.closed || other === undefined) return
          this.#clock.after(this.#delayMs, () => other.options.onBeat(bytes))
        },
        signal: (signal) => {
          if (data.closed || !('sdp' in signal)) return
          if (signal.type === 'offer') this.#answer(end, signal.sdp)
          if (signal.type === 'answer') this.#open(end)
        },
        restartIce: () => {
          this.restarts++
        },
        close: () => data.close(),
      },
    }
    this.#ends.add(end)
    if (options.initiator) {
      const sdp = `offer ${this.#offers.size}`
      this.#offers.set(sdp, end)
      queueMicrotask(() => {
        if (!this.deaf) options.onSignal({ type: 'offer', sdp })
      })
    }
    return end.connection
  }

  /** The ways of the newest connection swallow everything from now on. */
  swallowNewest(): void {
    for (const end of [...this.#ends].slice(-2)) end.data.swallows = true
  }

  /** Breaks every connection. */
  cut(): void {
    for (const end of this.#ends) end.data.close()
    this.#ends.clear()
  }

  #answer(end: End, sdp: string): void {
    const offering = this.#offers.get(sdp)
    if (offering === undefined || offering.data.closed) return
    end.other = offering
    offering.other = end
    end.data.other = offering.data
    offering.data.other = end.data
    end.options.onSignal({ type: 'answer', sdp })
  }

  #open(end: End): void {
    end.options.onOpen()
    end.other?.options.onOpen()
  }
}
