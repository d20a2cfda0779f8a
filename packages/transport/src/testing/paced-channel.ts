import type { Clock } from '@roomful/core'
import type { ByteChannel } from '../channel.ts'

/** How one direction of a paced channel behaves; may be changed while it runs. */
export interface Pace {
  mbitPerSecond: number
  delayMs: number
  /** While true, bytes wait where they are: the sender's process gets no processor. */
  stalled: boolean
}

/** A byte channel in memory whose messages leave one after the other at a rate, and arrive after a delay, in order. */
export class PacedChannel implements ByteChannel {
  onLow: (() => void) | undefined
  onMessage: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  onClose: ((reason: string) => void) | undefined
  lowWaterBytes = 0
  bufferedAmount = 0
  other: PacedChannel | undefined
  readonly pace: Pace
  readonly #clock: Clock
  readonly #waiting: Uint8Array<ArrayBuffer>[] = []
  #sending = false
  #closed = false

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock
    this.pace = pace
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closed) throw new Error('the channel is not open')
    this.bufferedAmount += bytes.byteLength
    this.#waiting.push(bytes.slice())
    if (!this.#sending) this.#next()
  }

  /** Goes on after a stall. */
  resume(): void {
    this.pace.stalled = false
    if (!this.#sending) this.#next()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.onClose?.('the connection was closed')
    this.other?.close()
  }

  #next(): void {
    const bytes = this.pace.stalled ? undefined : this.#waiting.shift()
    this.#sending = bytes !== undefined
    if (bytes === undefined) return
    const { mbitPerSecond, delayMs } = this.pace
    this.#clock.after(bytes.byteLength / (mbitPerSecond * 125), () => {
      const before = this.bufferedAmount
      this.bufferedAmount -= bytes.byteLength
      this.#clock.after(delayMs, () => {
        if (!this.#closed) this.other?.onMessage?.(bytes)
      })
      if (before > this.lowWaterBytes && this.bufferedAmount <= this.lowWaterBytes) this.onLow?.()
      this.#next()
    })
  }
}

export function pacedPair(clock: Clock, pace: Pace): [PacedChannel, PacedChannel] {
  const pair: [PacedChannel, PacedChannel] = [
    new PacedChannel(clock, { ...pace }),
    new PacedChannel(clock, { ...pace }),
  ]
  pair[0].other = pair[1]
  pair[1].other = pair[0]
  return pair
}
