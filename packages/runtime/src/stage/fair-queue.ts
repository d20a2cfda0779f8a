import type { DeviceId } from '@roomful/core'
import { RuntimeError } from '../error.ts'

interface Job {
  readonly start: () => void
}

/**
 * One engine's jobs, one at a time, taking turns among the initiators that ask (round robin), so that one busy device
 * cannot starve the others. Within an initiator: order of arrival.
 */
export class FairQueue {
  readonly #limit: number
  /** In the order of turns; an owner leaves when it has no more jobs. */
  readonly #waiting = new Map<DeviceId, Job[]>()
  #busy = false
  /** Told to the job that runs: somebody waits. */
  #crowded = new AbortController()

  /** `limit`: most jobs of one owner that may wait; one more is refused. */
  constructor(limit = 64) {
    this.#limit = limit
  }

  /** Jobs waiting, the running one excluded. */
  get waiting(): number {
    let count = 0
    for (const jobs of this.#waiting.values()) count += jobs.length
    return count
  }

  get busy(): boolean {
    return this.#busy
  }

  /**
   * The job's `crowded` aborts as soon as another job waits, and has aborted when one does from the start: a long job then ends
   * early and comes back with its rest.
   * @throws RuntimeError `overloaded`; `signal.reason` when aborted while it waits
   */
  run<T>(owner: DeviceId, job: (crowded: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const jobs = this.#waiting.get(owner) ?? []
    if (jobs.length >= this.#limit) {
      return Promise.reject(new RuntimeError('overloaded', `${jobs.length} runs of this device are already waiting`))
    }
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        this.#remove(owner, entry)
        reject(signal?.reason)
      }
      const entry: Job = {
        start: () => {
          signal?.removeEventListener('abort', onAbort)
          job(this.#crowded.signal)
            .then(resolve, reject)
            .finally(() => this.#next())
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      jobs.push(entry)
      this.#waiting.set(owner, jobs)
      if (this.#busy) this.#crowded.abort()
      else this.#next()
    })
  }

  #next(): void {
    const turn = this.#waiting.entries().next()
    if (turn.done) {
      this.#busy = false
      return
    }
    const [owner, jobs] = turn.value
    const job = jobs.shift()
    this.#waiting.delete(owner)
    if (jobs.length > 0) this.#waiting.set(owner, jobs)
    this.#busy = true
    this.#crowded = new AbortController()
    if (this.#waiting.size > 0) this.#crowded.abort()
    job?.start()
  }

  #remove(owner: DeviceId, job: Job): void {
    const jobs = this.#waiting.get(owner)
    const index = jobs?.indexOf(job) ?? -1
    if (jobs === undefined || index < 0) return
    jobs.splice(index, 1)
    if (jobs.length === 0) this.#waiting.delete(owner)
  }
}
