import { describe, expect, test } from 'vitest'
import { LinkPair } from './link-pair.ts'
import { isShort } from './short.ts'

const RUN_MS = isShort ? 60_000 : 600_000
const LOOK_MS = 10_000
const NOTICED_MS = 2000
/** How long the rig waits before it says that silence was not noticed at all. */
const PATIENCE_MS = 10_000
/** A few flights at 600 ms: enough to lose some of, so that windows collapse beside the beats. */
const FETCHED_BYTES = 30_000

describe.each([{ rttMs: 600 }, { rttMs: 300 }])(
  'a link of $rttMs ms round trip that loses a twentieth',
  ({ rttMs }) => {
    test(`is never taken for dead in ${RUN_MS / 60_000} minutes, and its death is noticed within 2 s`, async () => {
      const shape = { delayMs: rttMs / 2, jitterMs: 20, lossProbability: 0.05 }
      await using pair = await LinkPair.open(shape, rttMs)
      // What happened while the link came up does not count.
      await Promise.all([pair.call('a', 'story'), pair.call('b', 'story')])
      const endsAt = Date.now() + RUN_MS
      while (Date.now() < endsAt) {
        await pair.call('a', 'fetchWeights', 'b', FETCHED_BYTES)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
        const story = [...(await pair.call('a', 'story')), ...(await pair.call('b', 'story'))]
        expect(story.filter((line) => !line.endsWith('connected'))).toEqual([])
      }
      pair.reshape({ ...shape, blackhole: true })
      const tookMs = await pair.call('a', 'until', 'b', 'silent', PATIENCE_MS)
      console.info(`${rttMs} ms: silence noticed after ${Math.round(tookMs)} ms`)
      // What was on its way still arrives.
      expect(tookMs - rttMs / 2).toBeLessThanOrEqual(NOTICED_MS)
    })
  },
)
