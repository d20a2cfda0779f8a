import type { Clock } from './clock.ts'

/**
 * Waits for `work`, at most `timeoutMs` and only until `signal` aborts. The wait ends exactly once; a late outcome of
 * `work` is ignored (its rejection is handled). `onTimeout` makes the error that the caller sees.
 */
export function withDeadline<T>(
  work: Promise<T>,
  options: { clock: Clock; timeoutMs: number; signal?: AbortSignal | undefined; onTimeout: () => Error },
): Promise<T> {
  const { clock, timeoutMs, signal, onTimeout } = options
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      work.catch(() => {})
      return reject(signal.reason)
    }
    const end = () => {
      cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = () => {
      end()
      reject(signal?.reason)
    }
    const cancel = clock.after(timeoutMs, () => {
      end()
      reject(onTimeout())
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    work.then(
      (value) => {
        end()
        resolve(value)
      },
      (error: unknown) => {
        end()
        reject(error)
      },
    )
  })
}
