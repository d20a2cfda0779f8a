import type { Clock } from '@roomful/core'

const LOOK_MS = 100

/** Calls back once, within 100 ms of somebody's asking. Returns how to stop looking. */
export function whenAsked(clock: Pick<Clock, 'after'>, isAsked: () => boolean, then: () => void): () => void {
  const look = () => {
    if (isAsked()) then()
    else cancel = clock.after(LOOK_MS, look)
  }
  let cancel = clock.after(LOOK_MS, look)
  return () => cancel()
}
