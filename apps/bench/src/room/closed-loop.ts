import type { AnswerSource, ExitName, Trace } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'
import { inTime, PAGE_GRACE_MS } from '../../../../e2e/rig/in-time.ts'
import type { RgbaPicture } from '../../../../e2e/rig/pictures.ts'

/** One request of a closed loop: the next begins when it has ended. */
export interface LoopSample {
  /** Index of the picture in the run's list. */
  readonly picture: number
  /** From the call of `infer` to its answer, on the initiator's clock. */
  readonly ms: number
  /** Index of the label; absent when it failed. */
  readonly label?: number
  readonly exit?: ExitName
  readonly source?: AnswerSource
  /** Over all links. */
  readonly bytes: number
  readonly recovered?: string
  /** The error's reason or name. */
  readonly failed?: string
}

/** `atMs`: when it began, since the loop began; `typed`: it was answered, or its error had a reason. */
export type TimedSample = LoopSample & { readonly atMs: number; readonly typed: boolean }

export interface LoopResult {
  readonly samples: readonly TimedSample[]
  /** The story of each request, in the same order; null of one that failed. */
  readonly traces: readonly (Trace | null)[]
}

export interface LoopOptions {
  /** In the order of asking; the loop ends with the last one, so that the cache sees no more repeats than stated. */
  readonly pictures: readonly number[]
  /** The first one follows the last one, until the time is over. */
  readonly again?: boolean
  /** New requests begin until then, and until `minCount` have ended. */
  readonly forMs: number
  readonly minCount: number
  /** No request begins after this, however few there were. */
  readonly limitMs: number
  readonly deadlineMs: number
  readonly cache: boolean
}

type HeldPictures = { width: number; height: number; data: Uint8ClampedArray<ArrayBuffer> }[]
declare global {
  var benchPictures: HeldPictures | undefined
  var benchFrames: HeldPictures | undefined
}

/** Puts the pictures into the page, decoded, so that the loops need nothing from outside. */
export async function sendPictures(
  device: Device,
  pictures: readonly RgbaPicture[],
  list: 'benchPictures' | 'benchFrames' = 'benchPictures',
): Promise<void> {
  for (const { width, height, rgba } of pictures) {
    const sending = device.page.evaluate(
      ({ width, height, base64, list }) => {
        const text = atob(base64)
        const data = new Uint8ClampedArray(text.length)
        for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i)
        globalThis[list] ??= []
        globalThis[list].push({ width, height, data })
      },
      { width, height, base64: Buffer.from(rgba).toString('base64'), list },
    )
    await inTime(sending, PAGE_GRACE_MS, `${device.name}: a picture was not taken`)
  }
}

/** Asks the room about one picture after the other, timed inside the page; the last request may begin just before `limitMs`. */
export function closedLoop(device: Device, options: LoopOptions): Promise<LoopResult> {
  const looping = device.page.evaluate(async ({ pictures, again, forMs, minCount, limitMs, deadlineMs, cache }) => {
    const session = globalThis.roomful?.session
    const held = globalThis.benchPictures
    if (session === undefined || held === undefined) throw new Error('the page is not ready to be measured')
    const samples: TimedSample[] = []
    const traces: (Trace | null)[] = []
    const beginMs = performance.now()
    for (let i = 0; again === true || i < pictures.length; i++) {
      const elapsedMs = performance.now() - beginMs
      if (elapsedMs > limitMs || (elapsedMs > forMs && i >= minCount)) break
      const picture = pictures[i % pictures.length] ?? 0
      const shown = held[picture]
      if (shown === undefined) throw new Error(`the page holds no picture ${picture}`)
      const startMs = performance.now()
      const atMs = startMs - beginMs
      try {
        const { trace, answer } = await session.infer(shown, { cache, deadlineMs })
        const ms = performance.now() - startMs
        let bytes = 0
        for (const span of trace.spans) if (span.kind === 'transfer') bytes += span.bytes ?? 0
        traces.push(trace)
        samples.push({
          picture,
          atMs,
          ms,
          bytes,
          typed: true,
          exit: trace.exit,
          source: trace.source,
          ...(answer === undefined ? {} : { label: answer.index }),
          ...(trace.recovered === undefined ? {} : { recovered: trace.recovered }),
        })
      } catch (error) {
        const { reason, name } = error as { reason?: string; name?: string }
        const failed = reason ?? name ?? 'unknown'
        samples.push({ picture, atMs, ms: performance.now() - startMs, bytes: 0, failed, typed: reason !== undefined })
        traces.push(null)
        // What fails at once must not fail a thousand times.
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    return { samples, traces }
  }, options)
  const { limitMs, deadlineMs } = options
  return inTime(looping, limitMs + deadlineMs + PAGE_GRACE_MS, `${device.name}: a loop did not end`)
}
