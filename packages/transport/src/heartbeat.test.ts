import { type Random, seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { decodeBeat, encodeBeat, Heartbeat } from './heartbeat.ts'

interface Path {
  rttMs: number
  loss: number
  jitterMs: number
}

/** Two ends with a path of given delay, jitter and loss between their beats. */
function pair(clock: VirtualClock, random: Random, path: Path) {
  const silences: [string, boolean, number][] = []
  const ends: Heartbeat[] = []
  const cut = { a: false, b: false }
  const make = (name: 'a' | 'b', other: number) =>
    new Heartbeat({
      clock,
      send: (bytes) => {
        if (cut[name] || random.next() < path.loss) return
        clock.after(path.rttMs / 2 + random.next() * path.jitterMs, () => ends[other]?.receive(bytes))
      },
      onSilent: (silent) => silences.push([name, silent, clock.now()]),
      onRtt: () => {},
    })
  ends.push(make('a', 1), make('b', 0))
  return { silences, ends, cut }
}

describe('heartbeat', () => {
  it.each([
    { rttMs: 300, loss: 0.05, jitterMs: 40 },
    { rttMs: 600, loss: 0.05, jitterMs: 80 },
    { rttMs: 2, loss: 0, jitterMs: 0 },
  ])(
    'never takes $rttMs ms of round trip with loss $loss for death in 10 minutes',
    async (path) => {
      for (const seed of [1, 2, 3]) {
        const clock = new VirtualClock()
        const { silences, ends } = pair(clock, seededRandom(seed), path)
        await clock.advance(600_000)
        expect(silences).toEqual([])
        for (const end of ends) end.stop()
        await clock.advance(1000)
        expect(clock.pending).toBe(0)
      }
    },
    120_000,
  )

  it.each([2, 300, 600])('notices a silent peer within 2 s at %i ms of round trip and 5 % loss', async (rttMs) => {
    const clock = new VirtualClock()
    const { silences, cut, ends } = pair(clock, seededRandom(5), { rttMs, loss: 0.05, jitterMs: 10 })
    await clock.advance(20_000)
    cut.b = true
    const sinceMs = clock.now()
    await clock.advance(5000)
    const [found] = silences
    expect(found?.[0]).toBe('a')
    expect((found?.[2] ?? Number.POSITIVE_INFINITY) - sinceMs).toBeLessThanOrEqual(2000)
    for (const end of ends) end.stop()
  })

  it('waits longer on a long way while messages are under way, and not on a short one', async () => {
    for (const { rttMs, noticedMs } of [
      { rttMs: 10, noticedMs: 2000 },
      { rttMs: 600, noticedMs: 4500 },
    ]) {
      const clock = new VirtualClock()
      const silences: number[] = []
      let isCut = false
      const ends: Heartbeat[] = []
      for (const other of [1, 0]) {
        ends.push(
          new Heartbeat({
            clock,
            send: (bytes) => {
              if (!isCut) clock.after(rttMs / 2, () => ends[other]?.receive(bytes))
            },
            onSilent: () => silences.push(clock.now() - 10_000),
            onRtt: () => {},
            transferring: () => true,
          }),
        )
      }
      await clock.advance(10_000)
      isCut = true
      await clock.advance(6000)
      expect(silences).toHaveLength(2)
      expect(Math.max(...silences)).toBeLessThanOrEqual(noticedMs)
      expect(Math.max(...silences)).toBeGreaterThan(noticedMs - 1000)
      for (const end of ends) end.stop()
    }
  })

  it('says that a peer is back with its first beat', async () => {
    const clock = new VirtualClock()
    const { silences, cut, ends } = pair(clock, seededRandom(5), { rttMs: 10, loss: 0, jitterMs: 0 })
    cut.b = true
    await clock.advance(5000)
    cut.b = false
    await clock.advance(1000)
    expect(silences.map(([name, silent]) => [name, silent])).toEqual([
      ['a', true],
      ['a', false],
    ])
    for (const end of ends) end.stop()
  })

  it('measures the round trip without clocks that agree', async () => {
    const clock = new VirtualClock()
    const { ends } = pair(clock, seededRandom(5), { rttMs: 120, loss: 0, jitterMs: 0 })
    await clock.advance(5000)
    expect(ends[0]?.rttMs).toBeCloseTo(120, 5)
    for (const end of ends) end.stop()
  })

  it('takes a stall of its own timers for what it is', async () => {
    const clock = new VirtualClock()
    // The device's time: jumps by 6 s once, as a suspended tab's does, while no callback runs.
    let jumpMs = 0
    const stalled = { now: () => clock.now() + jumpMs, after: clock.after.bind(clock) }
    const silences: boolean[] = []
    const end = new Heartbeat({ clock: stalled, send: () => {}, onSilent: (s) => silences.push(s), onRtt: () => {} })
    const beat = (sequence: number) =>
      end.receive(
        encodeBeat({ sequence, intervalMs: 200, sentAtMs: sequence * 200, echoSentAtMs: Number.NaN, echoHeldMs: 0 }),
      )
    for (let i = 0; i < 10; i++) {
      beat(i)
      await clock.advance(200)
    }
    jumpMs = 6000
    await clock.advance(150)
    beat(11)
    await clock.advance(1000)
    expect(silences).toEqual([])
    end.stop()
  })

  it('drops what is not a beat', () => {
    expect(decodeBeat(new Uint8Array(31))).toBeUndefined()
    expect(decodeBeat(new Uint8Array(32))).toBeUndefined()
    const beat = { sequence: 7, intervalMs: 200, sentAtMs: 1.5, echoSentAtMs: 2.5, echoHeldMs: 3 }
    expect(decodeBeat(encodeBeat(beat))).toEqual(beat)
    expect(decodeBeat(encodeBeat({ ...beat, intervalMs: 60_000 }))).toBeUndefined()
  })
})
