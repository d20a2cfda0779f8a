import type { DeviceId } from '@roomful/core'
import { RuntimeError } from '../error.ts'

interface Job {
  readonly request: number
  readonly start: () => void
}

/** For whom a job is. */
export interface JobOwner {
  /** The initiator. */
  readonly owner: DeviceId
  /** Which of its requests, in the order in which they came. */
  readonly request: number
}

/**
 * One engine's jobs, one at a time, taking turns among the initiators that ask (round robin), so that one busy device
 * cannot starve the others. Within an initiator an earlier request goes before a later one, and the jobs of a request in order of arrival: two
 * that take turns session by session end no sooner, and each of their maps leaves the engine and comes back. [ours]
 */
export class FairQueue {
  readonly #limit: number
  /** In the order of turns; an owner leaves when it has no more jobs. */
  readonly #waiting = new Map<DeviceId, Job[]>()
  #running: JobOwner | undefined
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
    return this.#running !== undefined
  }

  /**
   * The job's `crowded` aborts as soon as another job waits that may go before its rest, and has aborted when one does from the start: a long job
   * then ends early and comes back with its rest. That is a job of another initiator, of an earlier request, or of its own.
   * @throws RuntimeError `overloaded`; `signal.reason` when aborted while it waits
   */
  run<T>(by: JobOwner, job: (crowded: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { owner, request } = by
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
        request,
        start: () => {
          signal?.removeEventListener('abort', onAbort)
          job(this.#crowded.signal)
            .then(resolve, reject)
            .finally(() => this.#next())
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const later = jobs.findIndex((other) => other.request > request)
      jobs.splice(later < 0 ? jobs.length : later, 0, entry)
      this.#waiting.set(owner, jobs)
      if (this.#running === undefined) this.#next()
      else if (this.#isCrowdedFor(this.#running)) this.#crowded.abort()
    })
  }

  #next(): void {
    this.#running = undefined
    const turn = this.#waiting.entries().next()
    if (turn.done) return
    const [owner, jobs] = turn.value
    const job = jobs.shift()
    this.#waiting.delete(owner)
    if (jobs.length > 0) this.#waiting.set(owner, jobs)
    if (job === undefined) return
    this.#running = { owner, request: job.request }
    this.#crowded = new AbortController()
    if (this.#isCrowdedFor(this.#running)) this.#crowded.abort()
    job.start()
  }

  /** Whether a job waits that may go before the rest of this one's. */
  #isCrowdedFor({ owner, request }: JobOwner): boolean {
    return [...this.#waiting].some(
      ([other, [first]]) => other !== owner || (first !== undefined && first.request <= request),
    )
  }

  #remove(owner: DeviceId, job: Job): void {
    const jobs = this.#waiting.get(owner)
    const index = jobs?.indexOf(job) ?? -1
    if (jobs === undefined || index < 0) return
    jobs.splice(index, 1)
    if (jobs.length === 0) this.#waiting.delete(owner)
  }
}
