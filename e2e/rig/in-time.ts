import { systemClock, withDeadline } from '@roomful/core'

/**
 * What a page gets on top of the time its work is known to take, in ms: a device with a tenth of a core answers late, one that hangs or
 * is frozen never.
 */
export const PAGE_GRACE_MS = 30_000

/**
 * Waits for `work`, at most `timeoutMs` (some 24 days where it is more); then the error says `<what> within <timeoutMs> ms`. A call into a
 * page has no timeout of its own: without this one a page that hangs would hold the run for good.
 */
export const inTime = <T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> =>
  withDeadline(work, { clock: systemClock, timeoutMs, onTimeout: () => new Error(`${what} within ${timeoutMs} ms`) })
