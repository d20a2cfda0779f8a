import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { probeAfterMs, TailProbe } from './tail-probe.ts'
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
  /** A message comes, is answered so much later, and the next one is 30 ms away. */
  const exchange = async (answerMs: number) => {
    word.whole(4000)
    await clock.advance(answerMs)
    word.sent(clock.now())
    await clock.advance(30)
  }
  return { clock, word, toldAtMs, state, exchange }
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
    const { clock, word, toldAtMs, exchange } = setup(10)
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
    const { clock, word, toldAtMs, exchange } = setup(10)
    for (let index = 0; index < 20; index++) await exchange(answerAfterMs)
    expect(toldAtMs).toHaveLength(20)
    for (let index = 0; index < 20; index++) {
      word.whole(4000)
      await clock.advance(150)
    }
    expect(toldAtMs).toHaveLength(40)
  })

  it.each([25, 33, 50, 66, 90])('is sent at once of messages %d ms apart that nobody answers', async (gapMs) => {
    const { clock, word, toldAtMs } = setup(10)
    for (let index = 0; index < 100; index++) {
      word.whole(4000)
      await clock.advance(gapMs)
    }
    await clock.advance(1000)
    expect(toldAtMs).toHaveLength(100)
  })

  it.each([
    { rttMs: 30, answerMs: 70 },
    { rttMs: 10, answerMs: 85 },
  ])('does not wait for answers after $answerMs ms on a way of $rttMs ms', async ({ rttMs, answerMs }) => {
    const { toldAtMs, exchange } = setup(rttMs)
    for (let index = 0; index < 20; index++) await exchange(answerMs)
    expect(toldAtMs).toHaveLength(20)
  })

  it('is brought forward where the newest message has no answer to wait for', async () => {
    const { clock, word, toldAtMs, exchange } = setup(10)
    for (let index = 0; index < 20; index++) await exchange(index % 2 === 0 ? 45 : 55)
    const sinceMs = clock.now()
    const before = toldAtMs.length
    word.whole(4000)
    await clock.advance(2)
    // Unrelated messages: answers are no longer as regular.
    word.sent(clock.now())
    await clock.advance(3)
    word.whole(4000)
    await clock.advance(1)
    word.sent(clock.now())
    await clock.advance(3)
    word.whole(4000)
    await clock.advance(1000)
    expect(toldAtMs.slice(before).map((ms) => ms - sinceMs)).toEqual([14])
  })

  it.each([20, 50, 70])(
    'and answers after %d ms leave a sender that has learned of them nothing to probe for',
    async (answerMs) => {
      const clock = new VirtualClock()
      const state = { arrivals: 0, delivered: false, probes: 0 }
      const tail = new TailProbe({
        clock,
        rttMs: () => 10,
        isLossy: () => true,
        leastBytes: () => 0,
        mbitPerSecond: () => undefined,
        arrivals: () => state.arrivals,
        isDelivered: () => state.delivered,
        isSending: () => false,
        probe: () => state.probes++,
      })
      const arriving = (what: () => void) => clock.after(5, what)
      const word = new WordOfArrival({
        clock,
        rttMs: () => 10,
        isLossy: () => true,
        leastBytes: () => 0,
        tell: () =>
          arriving(() => {
            state.delivered = true
            tail.heard(clock.now())
          }),
      })
      const exchange = async (afterMs?: number) => {
        state.delivered = false
        tail.sent(clock.now(), 4000)
        await clock.advance(5)
        word.whole(4000)
        if (afterMs === undefined) return clock.advance(500)
        await clock.advance(afterMs)
        word.sent(clock.now())
        arriving(() => {
          state.arrivals++
          tail.heard(clock.now())
        })
        return clock.advance(30)
      }
      for (let index = 0; index < 40; index++) await exchange(answerMs - 4 + (index % 3) * 4)
      state.probes = 0
      for (let index = 0; index < 40; index++) await exchange(answerMs - 4 + (index % 3) * 4)
      expect(state.probes).toBe(0)
      // An answer that does not come: word does, before the sender probes.
      await exchange()
      expect(state.probes).toBe(0)
      expect(state.delivered).toBe(true)
    },
  )

  it('counts no answer as one to what came while the way lost something, long ago', async () => {
    const { clock, word, toldAtMs, state, exchange } = setup(10)
    for (let index = 0; index < 20; index++) await exchange(40)
    word.whole(4000)
    await clock.advance(1000)
    const before = toldAtMs.length
    state.lossy = false
    await exchange(40)
    state.lossy = true
    await exchange(40)
    expect(toldAtMs).toHaveLength(before)
  })

  it('is sent at once again when answers have stopped coming', async () => {
    const { clock, word, toldAtMs, exchange } = setup(10)
    for (let index = 0; index < 20; index++) await exchange(40)
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
