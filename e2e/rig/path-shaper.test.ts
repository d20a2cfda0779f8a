import { seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { type PathShape, PathShaper } from './path-shaper.ts'

interface Sent {
  readonly shaper: PathShaper
  readonly clock: VirtualClock
  /** When each datagram arrived, by its number. */
  readonly arrivals: Map<number, number>
}

function path(shape: PathShape, seed = 1): Sent & { send(count: number, bytes: number): void } {
  const clock = new VirtualClock()
  const shaper = new PathShaper(shape, { clock, random: seededRandom(seed) })
  const arrivals = new Map<number, number>()
  let number = 0
  const send = (count: number, bytes: number) => {
    for (let i = 0; i < count; i++) {
      const own = number++
      shaper.send(bytes, () => arrivals.set(own, clock.now()))
    }
  }
  return { shaper, clock, arrivals, send }
}

describe('PathShaper', () => {
  it('delays every datagram by the delay, within half a millisecond', async () => {
    const { clock, arrivals, send } = path({ delayMs: 20 })
    send(3, 100)
    await clock.advance(19)
    expect(arrivals.size).toBe(0)
    await clock.advance(2)
    expect([...arrivals.values()].every((ms) => ms >= 19.5 && ms <= 20)).toBe(true)
  })

  it('lets bytes through at the rate, headers included', async () => {
    // 1,222 + 28 bytes at 10 Mbit/s: one a millisecond.
    const { clock, arrivals, send } = path({ delayMs: 5, mbitPerSecond: 10 })
    send(100, 1222)
    await clock.advance(200)
    expect(arrivals.size).toBe(100)
    for (const [number, ms] of arrivals) expect(Math.abs(ms - (5 + number + 1))).toBeLessThanOrEqual(0.5)
  })

  it('drops what would wait longer than the queue allows', async () => {
    const { clock, arrivals, shaper, send } = path({ delayMs: 0, mbitPerSecond: 10, queueMs: 50 })
    send(200, 1222)
    await clock.advance(1000)
    expect(arrivals.size).toBe(51)
    expect(shaper.counts).toEqual({ passed: 51, dropped: 149, bytes: 51 * 1222 })
  })

  it('loses the stated share, the same datagrams for the same seed', async () => {
    const lost = async (seed: number) => {
      const { clock, arrivals, send } = path({ delayMs: 1, lossProbability: 0.1 }, seed)
      send(2000, 100)
      await clock.advance(10)
      return Array.from({ length: 2000 }, (_, number) => number).filter((number) => !arrivals.has(number))
    }
    const first = await lost(7)
    expect(first.length).toBeGreaterThan(150)
    expect(first.length).toBeLessThan(250)
    expect(await lost(7)).toEqual(first)
    expect(await lost(8)).not.toEqual(first)
  })

  it('keeps the order under jitter', async () => {
    const { clock, arrivals, send } = path({ delayMs: 5, jitterMs: 30 })
    for (let i = 0; i < 50; i++) {
      send(1, 100)
      await clock.advance(1)
    }
    await clock.advance(100)
    expect([...arrivals.keys()]).toEqual(Array.from({ length: 50 }, (_, number) => number))
  })

  it('passes nothing through a black hole, and everything again after it', async () => {
    const { clock, arrivals, shaper, send } = path({ delayMs: 1, blackhole: true })
    send(5, 100)
    await clock.advance(10)
    shaper.reshape({ delayMs: 1 })
    send(5, 100)
    await clock.advance(10)
    expect([...arrivals.keys()]).toEqual([5, 6, 7, 8, 9])
  })

  it('forgets what is under way when it closes', async () => {
    const { clock, arrivals, shaper, send } = path({ delayMs: 10 })
    send(5, 100)
    shaper.close()
    await clock.advance(100)
    expect(arrivals.size).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('keeps what is sent while it is frozen, as much as a router holds, and passes it on in order', async () => {
    const { clock, arrivals, shaper, send } = path({ delayMs: 5, frozen: true })
    send(2000, 1000)
    await clock.advance(3000)
    expect(arrivals.size).toBe(0)
    expect(shaper.counts).toEqual({ passed: 0, dropped: 2000 - 1048, bytes: 0 })
    shaper.reshape({ delayMs: 5 })
    send(1, 1000)
    await clock.advance(10)
    expect([...arrivals.keys()]).toEqual([...Array(1048).keys(), 2000])
  })
})
