import { ReasonedError } from './error.ts'

/**
 * Runs jobs one at a time in the order of their arrival. A job whose signal aborts while it waits never starts; one that
 * runs is told through the signal and ends when it can.
 */
export class SerialQueue {
  readonly #limit: number
  #tail: Promise<unknown> = Promise.resolve()
  #length = 0

  /** `limit`: how many jobs may wait or run at once; one more is refused by `run` (default: unbounded). */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit
  }

  /** Jobs waiting or running. */
  get length(): number {
    return this.#length
  }

  run<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#length >= this.#limit) return Promise.reject(new QueueFullError(this.#limit))
    this.#length++
    const result = this.#tail.then(() => {
      signal?.throwIfAborted()
      return job()
    })
    this.#tail = result
      .catch(() => {})
      .finally(() => {
        this.#length--
      })
    return result
  }
}

/** The queue holds as many jobs as it may; the caller tries another device or drops the frame. */
export class QueueFullError extends ReasonedError<'queue-full'> {
  override readonly name = 'QueueFullError'
  constructor(limit: number) {
    super('queue-full', `the queue already holds ${limit} jobs`)
  }
}
