import { LinkModel } from '../predictor/link.ts'

/** Bytes of one feature message besides the map: ids, rows, deadline, spans, framing. Measured in the simulator. */
export const HEAD_BYTES = 450

/** A link as the runtime's messages use it: every payload has a head. */
export class MessageLink extends LinkModel {
  readonly #link: LinkModel

  constructor(link: LinkModel) {
    const { rttMs, bytesPerMs, startWindowBytes } = link
    super({ rttMs, mbitPerSecond: bytesPerMs / 125, startWindowBytes })
    this.#link = link
  }

  override serialMs(bytes: number): number {
    return this.#link.serialMs(bytes + HEAD_BYTES)
  }

  override delayMs(bytes: number): number {
    return this.#link.delayMs(bytes + HEAD_BYTES)
  }

  override messageMs(bytes: number): number {
    return this.#link.messageMs(bytes + HEAD_BYTES)
  }
}
