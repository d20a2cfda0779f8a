import { LinkModel } from '../predictor/link.ts'

/**
 * Bytes of one message besides the map: ids, rows, deadline, framing, and the spans that its sender tells. Measured: 64 to 80 of
 * a feature in the simulator and 152 to 168 with the ids of live rooms, 190 to 260 and 230 to 400 of a result; a device that
 * forwards rows also tells the initiator its spans, in 130 to 260 bytes. With 128 to 160 simulated times are nearest.
 */
export const HEAD_BYTES = 160

/** A link as the runtime's messages use it: every payload has a head. */
export class MessageLink extends LinkModel {
  /** Searches ask for every message: after how many bytes slow start has waited how long, ascending. */
  readonly #sent: number[] = []
  readonly #waited: number[] = [0]

  constructor({ rttMs, bytesPerMs, startWindowBytes }: LinkModel) {
    super({ rttMs, mbitPerSecond: bytesPerMs / 125, startWindowBytes })
    let window = startWindowBytes
    for (let sent = window, waitedMs = 0; sent < Number.POSITIVE_INFINITY; sent += window) {
      const gapMs = rttMs - window / bytesPerMs
      this.#sent.push(sent)
      if (gapMs <= 0) break
      waitedMs += gapMs
      this.#waited.push(waitedMs)
      window *= 2
    }
  }

  override serialMs(bytes: number): number {
    return (bytes + HEAD_BYTES) / this.bytesPerMs
  }

  override delayMs(bytes: number): number {
    const sent = this.#sent
    let at = 0
    while (at < sent.length && (sent[at] as number) < bytes + HEAD_BYTES) at++
    return this.rttMs / 2 + (this.#waited[at < this.#waited.length ? at : this.#waited.length - 1] as number)
  }

  override messageMs(bytes: number): number {
    return this.serialMs(bytes) + this.delayMs(bytes)
  }
}
