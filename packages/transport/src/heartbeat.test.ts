import { type Random, seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { decodeBeat, encodeBeat, Heartbeat } from './heartbeat.ts'

interface Path {
  rttMs: number
  loss: number
  jitterMs: number
  /** Beats wait this long behind retransmissions, once in 15 s, and then come all at once. Default 0. */
  heldMs?: number
}

const HELD_EVERY_MS = 15_000

/** Two ends with a path of given delay, jitter and loss between them: beats, and acknowledgements that nothing holds up. */
function pair(clock: VirtualClock, random: Random, path: Path) {
  const { rttMs, loss, jitterMs, heldMs = 0 } = path
  const silences: [string, boolean, number][] = []
  const ends: Heartbeat[] = []
  const cut = { a: false, b: false }
  const hung = { a: false, b: false }
  const arrived = { a: 0, b: 0 }
  const cancels: (() => void)[] = []
  const make = (name: 'a' | 'b', other: 'a' | 'b', index: number) => {
    const fly = (land: () => void) => {
      if (cut[name] || random.next() < loss) return
      clock.after(rttMs / 2 + random.next() * jitterMs, () => {
        arrived[other]++
        land()
      })
    }
    const acknowledge = () => {
      fly(() => {})
      cancels[index] = clock.after(200, acknowledge)
    }
    acknowledge()
    return new Heartbeat({
      clock,
      send: (bytes) => {
        if (hung[name]) return
        const phaseMs = clock.now() % HELD_EVERY_MS
        const heldForMs = phaseMs < heldMs && clock.now() > HELD_EVERY_MS ? heldMs - phaseMs : 0
        clock.after(heldForMs, () => fly(() => ends[1 - index]?.receive(bytes)))
      },
      onSilent: (silent) => silences.push([name, silent, clock.now()]),
      onRtt: () => {},
      arrived: async () => arrived[name],
    })
  }
  ends.push(make('a', 'b', 0), make('b', 'a', 1))
  const stop = () => {
    for (const end of ends) end.stop()
    for (const cancel of cancels) cancel()
  }
  return { silences, ends, cut, hung, stop }
}

describe('heartbeat', () => {
  it.each([
    { rttMs: 300, loss: 0.05, jitterMs: 40 },
    { rttMs: 600, loss: 0.05, jitterMs: 80 },
    { rttMs: 300, loss: 0.05, jitterMs: 20, heldMs: 2500 },
    { rttMs: 600, loss: 0.05, jitterMs: 20, heldMs: 4000 },
    { rttMs: 2, loss: 0, jitterMs: 0 },
  ])(
    'never takes %o for death in 10 minutes',
    async (path) => {
      for (const seed of [1, 2, 3]) {
        const clock = new VirtualClock()
        const { silences, stop } = pair(clock, seededRandom(seed), path)
        await clock.advance(600_000)
        expect(silences).toEqual([])
        stop()
        await clock.advance(5000)
        expect(clock.pending).toBe(0)
      }
    },
    120_000,
  )

  it.each([
    { rttMs: 2, loss: 0.05, jitterMs: 10 },
    { rttMs: 2, loss: 0.25, jitterMs: 40 },
    { rttMs: 300, loss: 0.05, jitterMs: 20 },
    { rttMs: 600, loss: 0.05, jitterMs: 20 },
    { rttMs: 600, loss: 0.05, jitterMs: 20, heldMs: 2500 },
  ])(
    'notices a silent peer within 2 s of its last sign at %o, whenever the path ends',
    async (path) => {
      for (let seed = 1; seed <= 40; seed++) {
        const clock = new VirtualClock()
        const { silences, cut, stop } = pair(clock, seededRandom(seed), path)
        // At every phase of what holds beats up.
        await clock.advance(30_000 + seed * 150)
        expect(silences).toEqual([])
        cut.b = true
        const lastMs = clock.now() + path.rttMs / 2 + path.jitterMs
        await clock.advance(9000)
        const [found] = silences
        expect(found?.[0]).toBe('a')
        expect((found?.[2] ?? Number.POSITIVE_INFINITY) - lastMs).toBeLessThanOrEqual(2000)
        stop()
      }
    },
    120_000,
  )

  it.each([
    { rttMs: 10, noticedMs: 2000 },
    { rttMs: 600, noticedMs: 5500 },
  ])('notices a page that stands still while its browser answers, at %o', async ({ rttMs, noticedMs }) => {
    const clock = new VirtualClock()
    const { silences, hung, stop } = pair(clock, seededRandom(3), { rttMs, loss: 0.05, jitterMs: 10 })
    await clock.advance(20_000)
    hung.b = true
    await clock.advance(9000)
    const [found] = silences
    expect(found?.[0]).toBe('a')
    expect((found?.[2] ?? Number.POSITIVE_INFINITY) - 20_000).toBeLessThanOrEqual(noticedMs)
    stop()
  })

  it('says that a peer is back with its first beat', async () => {
    const clock = new VirtualClock()
    const { silences, cut, stop } = pair(clock, seededRandom(5), { rttMs: 10, loss: 0, jitterMs: 0 })
    cut.b = true
    await clock.advance(5000)
    cut.b = false
    await clock.advance(1000)
    expect(silences.map(([name, silent]) => [name, silent])).toEqual([
      ['a', true],
      ['a', false],
    ])
    stop()
  })

  it('measures the round trip without clocks that agree', async () => {
    const clock = new VirtualClock()
    const { ends, stop } = pair(clock, seededRandom(5), { rttMs: 120, loss: 0, jitterMs: 0 })
    await clock.advance(5000)
    expect(ends[0]?.rttMs).toBeCloseTo(120, 5)
    stop()
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
