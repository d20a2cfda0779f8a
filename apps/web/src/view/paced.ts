/**
 * Share of the time that drawing may take: at first, and while changes never end, as in a video. A weak phone needs its processor for
 * the network.
 */
export interface DrawingShare {
  readonly first: number
  readonly steady: number
}
/** Of what is read from moment to moment, such as the answer. */
export const BRISK: DrawingShare = { first: 0.08, steady: 0.04 }
/** Of charts and figures about many requests. */
export const CALM: DrawingShare = { first: 0.04, steady: 0.02 }
/** By so much the one becomes the other with every drawing. */
const FADING = 0.8
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
 * changes go on. Values in between are left out; the last one always comes.
 */
export function paced<T>(
  show: (value: T) => void,
  { now, after, drawn }: Pacing,
  { first, steady }: DrawingShare,
): (value: T) => void {
  let waiting: { readonly value: T } | undefined
  let busy = false
  /** Since the page was last at rest. */
  let drawings = 0
  const draw = (value: T) => {
    busy = true
    const startMs = now()
    show(value)
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
    const last = waiting
    waiting = undefined
    if (last === undefined) drawings = 0
    else draw(last.value)
  }
  return (value) => {
    if (busy) waiting = { value }
    else draw(value)
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
