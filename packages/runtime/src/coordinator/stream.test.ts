import { sleep, systemClock } from '@roomful/core'
import { expect, it } from 'vitest'
import type { PictureInput } from './request-input.ts'
import type { InferenceResult } from './result.ts'
import { type StreamOptions, type StreamResult, streamFrames } from './stream.ts'

const PICTURE: PictureInput = { picture: { width: 1, height: 1, data: new Uint8ClampedArray(4) } }
const NEVER = new AbortController().signal

/** Frames as fast as they are taken; what is in flight at most, and how many were read, is counted. */
function rig(count: number, msOf: (call: number) => number) {
  const seen = { inFlight: 0, most: 0, read: 0 }
  async function* frames() {
    for (; seen.read < count; seen.read++) yield PICTURE
  }
  let calls = 0
  const infer = async (): Promise<InferenceResult> => {
    const call = calls++
    seen.inFlight++
    seen.most = Math.max(seen.most, seen.inFlight)
    await sleep(systemClock, msOf(call), NEVER)
    seen.inFlight--
    if (call % 7 === 3) throw new Error(`frame ${call} failed`)
    return {} as InferenceResult
  }
  const run = async (options: StreamOptions): Promise<StreamResult[]> => {
    const out: StreamResult[] = []
    for await (const result of streamFrames(frames(), infer, options)) out.push(result)
    return out
  }
  return { seen, run }
}

it('gives the end of every frame, in order, when every frame is wanted', async () => {
  const { seen, run } = rig(40, (call) => (call % 5 === 0 ? 12 : 1))
  const results = await run({ frames: 'every', window: 3 })
  expect(results.map(({ frame }) => frame)).toEqual(Array.from({ length: 40 }, (_, frame) => frame))
  expect(results.filter(({ ok }) => !ok).map(({ frame }) => frame)).toEqual([3, 10, 17, 24, 31, 38])
  expect(seen.most).toBe(3)
})

it('begins no more frames than sixteen windows ahead of one that does not end', async () => {
  const { seen, run } = rig(100, (call) => (call === 0 ? 60 : 0))
  expect(await run({ frames: 'every', window: 2 })).toHaveLength(100)
  expect(seen.most).toBe(2)
  const bounded = rig(100, (call) => (call === 0 ? 1_000_000 : 0))
  const over = new AbortController()
  const running = bounded.run({ frames: 'every', window: 2, signal: over.signal })
  await sleep(systemClock, 60, NEVER)
  expect(bounded.seen.read).toBeLessThanOrEqual(2 + 16 * 2 + 1)
  over.abort(new Error('enough'))
  await expect(running).rejects.toThrow('enough')
})

it('is not troubled by a source that fails while it is ended', async () => {
  const ended: string[] = []
  async function* frames() {
    try {
      for (;;) yield PICTURE
    } finally {
      ended.push('the camera')
      await Promise.reject(new Error('the camera is stuck'))
    }
  }
  const infer = async () => {
    await sleep(systemClock, 1, NEVER)
    return {} as InferenceResult
  }
  // It never waits either: what answers gets its turn all the same. Vitest fails where a rejection is left to nobody.
  for await (const { ok } of streamFrames(frames(), infer)) {
    expect(ok).toBe(true)
    break
  }
  await sleep(systemClock, 20, NEVER)
  expect(ended).toEqual(['the camera'])
})
