import { firstLine } from './first-line.ts'

/** The later parts of a run: what has been measured stands, whatever becomes of the rest. */
export class Attempts {
  /** What was lost and why, a sentence each. */
  readonly lost: string[] = []
  readonly #signal: AbortSignal | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
  }

  /** Undefined, and a note, where `work` failed. @throws `signal.reason` */
  async at<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      this.#signal?.throwIfAborted()
      this.lost.push(`${what}: not measured: ${firstLine(error)}`)
      return undefined
    }
  }
}
