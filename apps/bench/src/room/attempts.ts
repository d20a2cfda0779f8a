import { firstLine } from './first-line.ts'
import type { RunTime } from './run-time.ts'

/** The later parts of a run: what has been measured stands, whatever becomes of the rest. */
export class Attempts {
  /** What was lost and why, a sentence each. */
  readonly lost: string[] = []
  readonly #time: RunTime
  readonly #signal: AbortSignal | undefined

  constructor(time: RunTime, signal: AbortSignal | undefined) {
    this.#time = time
    this.#signal = signal
  }

  /** Undefined, and a note, where `work` failed. @throws `signal.reason` */
  async at<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work()
      this.#time.say(`${what}: done`)
      return result
    } catch (error) {
      this.#signal?.throwIfAborted()
      this.lost.push(`${what}: not measured: ${firstLine(error)}`)
      return undefined
    }
  }
}
