import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { TailProbe } from './tail-probe.ts'

function setup(options: { rttMs?: number; lossy?: boolean; mbit?: number } = {}) {
  const clock = new VirtualClock()
  const probes: number[] = []
  const state = { sending: false, arrivals: 0, delivered: false, lossy: options.lossy ?? true, leastBytes: 0 }
  const tail = new TailProbe({
    clock,
    rttMs: () => options.rttMs,
    isLossy: () => state.lossy,
    mbitPerSecond: () => options.mbit,
    arrivals: () => state.arrivals,
    isDelivered: () => state.delivered,
    leastBytes: () => state.leastBytes,
    isSending: () => state.sending,
    probe: () => probes.push(clock.now()),
  })
  return { clock, probes, state, tail }
}

describe('TailProbe', () => {
  it('follows a message that nothing follows with three probes, two round trips later', async () => {
    const { clock, probes, tail } = setup({ rttMs: 10 })
    tail.sent(clock.now(), 1000)
    await clock.advance(1000)
    expect(probes).toEqual([20, 20, 20])
  })

  it('counts from the last of many messages and sets one timer for them', async () => {
    const { clock, probes, tail } = setup({ rttMs: 10 })
    for (let index = 0; index < 10; index++) {
      tail.sent(clock.now(), 1000)
      await clock.advance(5)
    }
    await clock.advance(1000)
    // Ten of them, 5 ms apart: another was likely within 6.25 ms.
    expect(probes.map((ms) => Math.round(ms))).toEqual([71, 71, 71])
  })

  it('is not needed where the peer has answered or told that all is there, and not on a way that loses nothing', async () => {
    const { clock, probes, state, tail } = setup({ rttMs: 10 })
    tail.sent(clock.now(), 1000)
    await clock.advance(4)
    state.arrivals++
    await clock.advance(1000)
    tail.sent(clock.now(), 1000)
    state.delivered = true
    await clock.advance(1000)
    state.delivered = false
    state.lossy = false
    tail.sent(clock.now(), 1000)
    await clock.advance(1000)
    expect(probes).toEqual([])
  })

  it('waits as long as word of a message usually takes between these two and 8 ms, 108 at most', async () => {
    const { clock, probes, state, tail } = setup({ rttMs: 10 })
    const told = async (afterMs: number) => {
      tail.sent(clock.now(), 1000)
      await clock.advance(afterMs)
      state.arrivals++
      tail.heard(clock.now())
      await clock.advance(500)
    }
    for (let count = 0; count < 40; count++) await told(50)
    const before = probes.length
    await told(50)
    expect(probes).toHaveLength(before)
    const sentAtMs = clock.now()
    tail.sent(sentAtMs, 1000)
    await clock.advance(1000)
    expect(probes.slice(before).map((ms) => Math.round(ms - sentAtMs))).toEqual([58, 58, 58])
    for (let count = 0; count < 40; count++) await told(300)
    const lateAtMs = clock.now()
    tail.sent(lateAtMs, 1000)
    await clock.advance(1000)
    expect(probes.slice(-3).map((ms) => Math.round(ms - lateAtMs))).toEqual([108, 108, 108])
  })

  it('waits for the end of a long message, and at most 60 ms for a long round trip', async () => {
    const { clock, probes, state, tail } = setup({ rttMs: 600 })
    state.sending = true
    tail.sent(clock.now(), 1000)
    await clock.advance(100)
    state.sending = false
    await clock.advance(1000)
    expect(probes).toEqual([120, 120, 120])
  })

  it('looks again when all that has left is there and the rest still waits for the wire', async () => {
    const { clock, probes, state, tail } = setup({ rttMs: 10 })
    state.sending = true
    state.delivered = true
    tail.sent(clock.now(), 1000)
    await clock.advance(30)
    state.sending = false
    state.delivered = false
    await clock.advance(1000)
    expect(probes).toEqual([40, 40, 40])
  })

  it('waits as long as the way needs for what may be on it', async () => {
    const { clock, probes, tail } = setup({ rttMs: 10, mbit: 40 })
    tail.sent(clock.now(), 20_000)
    await clock.advance(1000)
    expect(probes).toEqual([24, 24, 24])
    tail.sent(clock.now(), 1_000_000)
    await clock.advance(1000)
    expect(probes.slice(3).map((ms) => Math.round(ms - 1000))).toEqual([33, 33, 33])
  })

  it('leaves the peer time to tell, also on a short way', async () => {
    const { clock, probes, tail } = setup({ rttMs: 4 })
    tail.sent(clock.now(), 1000)
    await clock.advance(1000)
    expect(probes).toEqual([12, 12, 12])
  })

  it('is not needed for less than a near way may lose, unless more is under way at once', async () => {
    const { clock, probes, state, tail } = setup({ rttMs: 1 })
    state.leastBytes = 40_000
    for (let index = 0; index < 100; index++) {
      tail.sent(clock.now(), 4096)
      await clock.advance(5)
    }
    // One after the other, each with its answer.
    for (let index = 0; index < 100; index++) {
      tail.sent(clock.now(), 30_000)
      await clock.advance(1)
      state.arrivals++
    }
    await clock.advance(1000)
    expect(probes).toEqual([])
    const sinceMs = clock.now()
    for (let index = 0; index < 2; index++) tail.sent(clock.now(), 30_000)
    await clock.advance(1000)
    expect(probes).toEqual([9, 9, 9].map((ms) => sinceMs + ms))
  })

  it('sends nothing after it was stopped', async () => {
    const { clock, probes, tail } = setup()
    tail.sent(clock.now(), 1000)
    tail.stop()
    await clock.advance(1000)
    expect(probes).toEqual([])
  })
})
