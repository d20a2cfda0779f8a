import { type Clock, sleep, systemClock } from '@roomful/core'
import { RuntimeError } from '../error.ts'
import type { InferOptions } from './coordinator-options.ts'
import type { PictureInput } from './request-input.ts'
import type { InferenceResult } from './result.ts'

export interface StreamOptions extends InferOptions {
  /** Frames in flight at once: stages of a pipeline overlap. Default two per stage of the plans in use, minimum 1. */
  readonly window?: number | (() => number)
  /**
   * `latest` (default), for what a camera sees now: frames are left out when the room is busy, and so are answers older than
   * one already given. `every`, for a recording: no frame is left out, and the answers come in the order of the frames.
   */
  readonly frames?: 'latest' | 'every'
}

/** One frame's end; `frame` counts the frames as they came, dropped ones included. */
export type StreamResult =
  | { readonly ok: true; readonly frame: number; readonly result: InferenceResult }
  | { readonly ok: false; readonly frame: number; readonly error: unknown }

/** Answers that wait for those of earlier frames, as a multiple of the window: beyond it no frame is begun. */
const AHEAD = 16
/** A source that never waits gives others a turn after so many frames that nobody has begun. */
const IN_ONE_GO = 8

/**
 * Runs frames through `infer`, a window of them at once. With `latest` only the newest of the frames that come while the
 * window is full waits, and an answer older than one that was given already is dropped; with `every` the next frame is
 * read when the last one has begun. Ends when the frames end and all answers are in; ending the loop early cancels what is
 * in flight.
 */
export async function* streamFrames(
  frames: AsyncIterable<PictureInput>,
  infer: (picture: PictureInput, options: InferOptions) => Promise<InferenceResult>,
  options: StreamOptions = {},
  clock: Clock = systemClock,
): AsyncGenerator<StreamResult, void, undefined> {
  // Frames of a camera hardly ever repeat exactly: the cache is asked only when the caller wants it.
  const { window: wanted = 2, frames: which = 'latest', signal: outer, cache = false, ...rest } = options
  const windowOf = () => (typeof wanted === 'function' ? wanted() : wanted)
  if (!(windowOf() >= 1)) throw new RuntimeError('bad-input', 'the window of a stream is at least 1')
  const over = new AbortController()
  const signal = outer === undefined ? over.signal : AbortSignal.any([outer, over.signal])
  const results: StreamResult[] = []
  let wake = () => {}
  let waiting: { picture: PictureInput; frame: number } | undefined
  let inFlight = 0
  let given = -1
  let sourceEnded = false
  let sourceError: { readonly error: unknown } | undefined
  /** Ended before an earlier frame, by frame; only with `every`. */
  const ahead = new Map<number, StreamResult>()
  let due = 0
  let begun = () => {}

  const settle = (result: StreamResult) => {
    inFlight--
    if (which === 'latest') results.push(result)
    else {
      ahead.set(result.frame, result)
      for (let next = ahead.get(due); next !== undefined; next = ahead.get(++due)) {
        ahead.delete(due)
        results.push(next)
      }
    }
    pump()
    wake()
  }
  const pump = () => {
    if (waiting === undefined || signal.aborted) return
    const window = windowOf()
    // Answers that nobody has taken yet count too: a slow consumer slows the reading of a recording.
    const untaken = which === 'every' ? ahead.size + results.length : 0
    if (inFlight >= window || untaken >= AHEAD * window) return
    const { picture, frame } = waiting
    waiting = undefined
    inFlight++
    begun()
    infer(picture, { ...rest, cache, signal }).then(
      (result) => settle({ ok: true, frame, result }),
      (error: unknown) => settle({ ok: false, frame, error }),
    )
  }
  const iterator = frames[Symbol.asyncIterator]()
  const read = async () => {
    try {
      let replaced = 0
      for (let frame = 0; !signal.aborted; frame++) {
        const next = await iterator.next()
        if (next.done) break
        replaced = waiting === undefined ? 0 : replaced + 1
        if (replaced % IN_ONE_GO === IN_ONE_GO - 1) await sleep(clock, 0)
        waiting = { picture: next.value, frame }
        pump()
        if (which === 'every' && waiting !== undefined) {
          await new Promise<void>((resolve) => {
            begun = resolve
          })
        }
      }
    } catch (error) {
      sourceError = { error }
    }
    sourceEnded = true
    wake()
  }
  const onAbort = () => {
    begun()
    wake()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  void read()
  try {
    for (;;) {
      outer?.throwIfAborted()
      const next = results.shift()
      if (next !== undefined) {
        pump()
        if (next.frame < given) continue
        if (next.ok) given = next.frame
        yield next
        continue
      }
      if (sourceEnded && inFlight === 0 && waiting === undefined) break
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    if (sourceError !== undefined) throw sourceError.error
  } finally {
    signal.removeEventListener('abort', onAbort)
    over.abort(new DOMException('the stream was ended', 'AbortError'))
    // Nobody waits for the source any more: how it ends is its own matter.
    Promise.resolve(iterator.return?.(undefined)).catch(() => {})
  }
}
