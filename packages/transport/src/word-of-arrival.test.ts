import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { probeAfterMs } from './tail-probe.ts'
import { WordOfArrival } from './word-of-arrival.ts'

function setup(rttMs?: number) {
  const clock = new VirtualClock()
  const toldAtMs: number[] = []
  const state = { lossy: true, leastBytes: 0 }
  const word = new WordOfArrival({
    clock,
    rttMs: () => rttMs,
    isLossy: () => state.lossy,
    leastBytes: () => state.leastBytes,
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
    const { clock, word, toldAtMs } = setup(10)
    word.whole(1000)
    await clock.advance(1)
    word.sent(clock.now())
    await clock.advance(100)
    expect(toldAtMs).toEqual([])
    word.whole(1000)
    await clock.advance(1)
    word.sent(clock.now())
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
      word.sent(clock.now())
    }
    await clock.advance(1000)
    expect(toldAtMs).toEqual([])
    const sinceMs = clock.now()
    for (let index = 0; index < 2; index++) word.whole(30_000)
    await clock.advance(1000)
    expect(toldAtMs).toEqual([sinceMs + 4])
  })

  it('waits for the answer where this end usually answers soon', async () => {
    const { clock, word, toldAtMs } = setup(10)
    const exchange = async (answerAfterMs: number) => {
      word.whole(4000)
      await clock.advance(answerAfterMs)
      word.sent(clock.now())
      await clock.advance(30)
    }
    for (let index = 0; index < 4; index++) await exchange(50)
    const learned = toldAtMs.length
    expect(learned).toBeLessThan(4)
    for (let index = 0; index < 20; index++) await exchange(46 + (index % 3) * 4)
    expect(toldAtMs).toHaveLength(learned)
    // One answer that does not come: the word comes later than at once, and soon enough.
    const sinceMs = clock.now()
    word.whole(4000)
    await clock.advance(1000)
    const lastMs = (toldAtMs.at(-1) ?? 0) - sinceMs
    expect(lastMs).toBeGreaterThan(50)
    expect(lastMs).toBeLessThan(75)
  })

  it.each([100, 200, 1000])('is sent at once where answers take %d ms, or never come', async (answerAfterMs) => {
    const { clock, word, toldAtMs } = setup(10)
    for (let index = 0; index < 20; index++) {
      word.whole(4000)
      await clock.advance(answerAfterMs)
      word.sent(clock.now())
      await clock.advance(30)
    }
    expect(toldAtMs).toHaveLength(20)
    for (let index = 0; index < 20; index++) {
      word.whole(4000)
      await clock.advance(150)
    }
    expect(toldAtMs).toHaveLength(40)
  })

  it('is sent at once again when answers have stopped coming', async () => {
    const { clock, word, toldAtMs } = setup(10)
    for (let index = 0; index < 20; index++) {
      word.whole(4000)
      await clock.advance(40)
      word.sent(clock.now())
      await clock.advance(30)
    }
    const delays: number[] = []
    for (let index = 0; index < 10; index++) {
      const sinceMs = clock.now()
      word.whole(4000)
      await clock.advance(500)
      delays.push((toldAtMs.at(-1) ?? 0) - sinceMs)
    }
    expect(delays.at(-1)).toBe(5)
    expect(Math.max(...delays)).toBeLessThan(100)
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
