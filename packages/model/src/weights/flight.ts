/** A chunk on its way. It is wanted as long as `waiters` > 0; a run whose chunks are all unwanted is aborted. */
export interface Flight {
  readonly index: number
  readonly done: Promise<Landed>
  readonly land: (landed: Landed) => void
  readonly fail: (error: unknown) => void
  waiters: number
  run?: Run
}

export interface Landed {
  readonly bytes: Uint8Array
  /** From the source, not from the store. */
  readonly fetched: boolean
}

/** Neighbouring chunks in one request. */
export interface Run {
  readonly flights: readonly Flight[]
  readonly controller: AbortController
}

export function newFlight(index: number): Flight {
  let land: (landed: Landed) => void = () => {}
  let fail: (error: unknown) => void = () => {}
  const done = new Promise<Landed>((resolve, reject) => {
    land = resolve
    fail = reject
  })
  // A flight may fail when nobody waits for it any more.
  done.catch(() => {})
  return { index, done, land, fail, waiters: 0 }
}
