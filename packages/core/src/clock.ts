/** Time as an argument: the system's in production, virtual in tests and in the simulator. Milliseconds, monotonic. */
export interface Clock {
  now(): number
  /** Calls `callback` once after `delayMs`; the returned function cancels it and may be called twice. */
  after(delayMs: number, callback: () => void): () => void
}

/** What a host's timer takes at most, some 24 days: one that is longer would fire at once. */
export const MAX_DELAY_MS = 2 ** 31 - 1

/** The host's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`; rejects with `signal.reason` when aborted first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
