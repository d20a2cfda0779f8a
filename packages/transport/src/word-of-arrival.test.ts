import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { probeAfterMs } from './tail-probe.ts'
import { WordOfArrival } from './word-of-arrival.ts'

function setup(rttMs?: number) {
  const clock = new VirtualClock()
  const toldAtMs: number[] = []
  const state = { lossy: true, leastBytes: 0, sentAtMs: Number.NEGATIVE_INFINITY }
  const word = new WordOfArrival({
    clock,
    rttMs: () => rttMs,
    isLossy: () => state.lossy,
    leastBytes: () => state.leastBytes,
    sentAtMs: () => state.sentAtMs,
    tell: () => toldAtMs.push(clock.now()),
  })
  return { clock, word, toldAtMs, state }
}

describe('the word of arrival', () => {
  it.each([0, 2, 3.5, 4, 4.5, 6, 10, 20, 30, 50, 52])(
    'comes at least 4 ms before the sender would probe, with a round trip of %d ms',
    async (rttMs) => {
      const { clock, word, toldAtMs } = setup(rttMs)
      word.whole(1000)
      await clock.advance(1000)
      const [leftAtMs = expect.fail()] = toldAtMs
      expect(leftAtMs).toBeGreaterThanOrEqual(4)
      expect(rttMs + leftAtMs + 4).toBeLessThanOrEqual(probeAfterMs(rttMs))
    },
  )

  it('is not sent where it would come too late, nor on a way that loses nothing', async () => {
    for (const { rttMs, lossy } of [
      { rttMs: 53, lossy: true },
      { rttMs: 100, lossy: true },
      { rttMs: 10, lossy: false },
    ]) {
      const { clock, word, toldAtMs, state } = setup(rttMs)
      state.lossy = lossy
      word.whole(1000)
      await clock.advance(1000)
      expect(toldAtMs).toEqual([])
    }
  })

  it('is sent once for messages that follow one another closely, after the last', async () => {
    const { clock, word, toldAtMs } = setup(10)
    for (let at = 0; at < 1000; at += 2) {
      word.whole(1000)
      await clock.advance(2)
    }
    await clock.advance(1000)
    expect(toldAtMs).toEqual([998 + 2.5 + 5])
  })

  it.each([6, 8, 13, 20])(
    'is sent once for a stream of messages %d ms apart, and for the first ones of it',
    async (gapMs) => {
      const { clock, word, toldAtMs } = setup(10)
      for (let index = 0; index < 100; index++) {
        word.whole(1000)
        await clock.advance(gapMs)
      }
      await clock.advance(1000)
      expect(toldAtMs).toEqual([5, gapMs + 5, 2 * gapMs + 5, 99 * gapMs + 1.25 * gapMs + 5])
    },
  )

  it('is not needed when something has left since, and is when a message has come after that', async () => {
    const { clock, word, toldAtMs, state } = setup(10)
    word.whole(1000)
    await clock.advance(1)
    state.sentAtMs = clock.now()
    await clock.advance(100)
    expect(toldAtMs).toEqual([])
    word.whole(1000)
    await clock.advance(1)
    state.sentAtMs = clock.now()
    await clock.advance(2)
    word.whole(1000)
    await clock.advance(100)
    expect(toldAtMs).toEqual([101 + 3 + 5])
  })

  it('is sent on a near way of what came in a crowd only', async () => {
    const { clock, word, toldAtMs, state } = setup(1)
    state.leastBytes = 40_000
    for (let index = 0; index < 100; index++) {
      word.whole(4096)
      await clock.advance(5)
    }
    for (let index = 0; index < 100; index++) {
      word.whole(30_000)
      await clock.advance(1)
      state.sentAtMs = clock.now()
    }
    await clock.advance(1000)
    expect(toldAtMs).toEqual([])
    const sinceMs = clock.now()
    for (let index = 0; index < 2; index++) word.whole(30_000)
    await clock.advance(1000)
    expect(toldAtMs).toEqual([sinceMs + 4])
  })

  it('leaves no timer behind', async () => {
    const { clock, word, toldAtMs } = setup(10)
    word.whole(1000)
    word.stop()
    word.whole(1000)
    expect(clock.pending).toBe(0)
    await clock.advance(1000)
    expect(toldAtMs).toEqual([])
  })
})
