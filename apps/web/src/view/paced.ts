/**
 * Share of the time that drawing may take: at first, and while changes never end, as in a video. A weak phone needs its processor for
 * the network.
 */
export interface DrawingShare {
  readonly first: number
  readonly steady: number
}
export const PAGE_SHARE: DrawingShare = { first: 0.08, steady: 0.04 }
/** By so much the one becomes the other with every drawing. */
const FADING = 0.7
/** What a frame counts at least, on however fast a device: much of its work is done by other threads and processes. */
const FRAME_MS = 16
/** A person waits no longer than this for a single change. */
const LONGEST_PAUSE_MS = 500
/** While changes never end a device on which drawing takes long draws as seldom as this. */
const STEADY_PAUSE_MS = 2_000

export interface Pacing {
  readonly now: () => number
  readonly after: (ms: number, callback: () => void) => void
  /** Calls back when what was changed just now has been drawn. */
  readonly drawn: (callback: () => void) => void
}

/**
 * Passes the newest value on at once after a pause, and else so often that drawing it takes its share of the time, less the longer
 * changes go on. Values in between are left out; the last one always comes. Every second drawing of a row of changes, the first and the
 * last one are `whole`: what costs the most to draw (charts, figures about many requests) is drawn with these, since frames of
 * its own would cost a weak device as much again.
 */
export function paced<T>(
  show: (value: T, whole: boolean) => void,
  { now, after, drawn }: Pacing,
  { first, steady }: DrawingShare,
): (value: T) => void {
  let waiting: { readonly value: T } | undefined
  /** Shown last, and not whole. */
  let owed: { readonly value: T } | undefined
  let busy = false
  /** Since the page was last at rest. */
  let drawings = 0
  const draw = (value: T, whole: boolean) => {
    busy = true
    owed = whole ? undefined : { value }
    const startMs = now()
    show(value, whole)
    drawn(() => {
      const longestMs = Math.min(STEADY_PAUSE_MS, LONGEST_PAUSE_MS / FADING ** drawings)
      const share = Math.max(steady, first * FADING ** drawings)
      drawings++
      const drawingMs = Math.max(FRAME_MS, now() - startMs)
      after(Math.min(longestMs, drawingMs * (1 / share - 1)), next)
    })
  }
  const next = () => {
    busy = false
    const newest = waiting ?? owed
    const isNew = waiting !== undefined
    waiting = undefined
    if (newest === undefined) drawings = 0
    else draw(newest.value, !isNew || drawings % 2 === 0)
  }
  return (value) => {
    if (busy) waiting = { value }
    else draw(value, true)
  }
}

/** A page that nobody sees draws no frames: what it shows then goes on without. */
const HIDDEN_MS = 1_000

/** The browser's own pace. */
export const browserPacing: Pacing = {
  now: () => performance.now(),
  after: (ms, callback) => {
    setTimeout(callback, ms)
  },
  drawn: (callback) => {
    let over = false
    const once = () => {
      if (over) return
      over = true
      clearTimeout(hidden)
      callback()
    }
    const hidden = setTimeout(once, HIDDEN_MS)
    // The task after a frame begins when the frame has been laid out and painted.
    requestAnimationFrame(() => setTimeout(once))
  },
}
