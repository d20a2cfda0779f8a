import { type Random, seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { decodeBeat, encodeBeat } from './beat.ts'
import { Heartbeat } from './heartbeat.ts'
import { Pulse } from './pulse.ts'

interface Path {
  rttMs: number
  loss: number
  jitterMs: number
  /** Beats wait this long behind retransmissions, once in 15 s, and then come all at once. Default 0. */
  heldMs?: number
  /** Messages of both ends: so many ms apart, in runs of 7 s with pauses of 8 s. Default: none. */
  messageMs?: number
}

const HELD_EVERY_MS = 15_000
const MESSAGES = { runMs: 7000, everyMs: 15_000 }
/** What Chromium's SCTP waits at least for an acknowledgement; doubles with each loss. */
const RETRANSMIT_MS = 400

/**
 * Two ends with a path of given delay, jitter and loss between them: beats, messages that wait for those before them,
 * and acknowledgements that nothing holds up. Their clocks differ by any part of a second.
 */
function pair(clock: VirtualClock, random: Random, path: Path) {
  const { rttMs, loss, jitterMs, heldMs = 0, messageMs } = path
  const silences: [string, boolean, number][] = []
  const ends: Heartbeat[] = []
  const cut = { a: false, b: false }
  const hung = { a: false, b: false }
  const hidden = { a: false, b: false }
  const busy = { a: false, b: false }
  const arrived = { a: 0, b: 0 }
  const beats = { a: 0, b: 0 }
  const lastSignMs = { a: 0, b: 0 }
  const cancels: (() => void)[] = []
  const make = (name: 'a' | 'b', other: 'a' | 'b', index: number) => {
    const offsetMs = random.next() * 1000
    const repeat = (everyMs: number, what: () => void) => {
      const slot = cancels.length
      const again = () => {
        what()
        cancels[slot] = clock.after(everyMs, again)
      }
      cancels[slot] = clock.after(random.next() * everyMs, again)
    }
    const land = (arrive: () => void) => {
      arrived[other]++
      arrive()
    }
    const wayMs = () => rttMs / 2 + random.next() * jitterMs
    const fly = (arrive: () => void) => {
      if (cut[name] || random.next() < loss) return
      clock.after(wayMs(), () => land(arrive))
    }
    const sign = () => {
      lastSignMs[other] = clock.now()
    }
    repeat(200, () => fly(() => {}))
    let inOrderMs = 0
    const send = () => {
      if (cut[name] || hung[name] || messageMs === undefined || clock.now() % MESSAGES.everyMs > MESSAGES.runMs) return
      ends[index]?.sent(1000)
      let lateMs = 0
      for (let waitMs = RETRANSMIT_MS; random.next() < loss; waitMs *= 2) lateMs += waitMs
      inOrderMs = Math.max(inOrderMs, clock.now() + lateMs + wayMs())
      clock.after(inOrderMs - clock.now(), () => {
        if (lateMs > 0 && cut[name]) return
        land(() => {
          sign()
          ends[1 - index]?.alive()
        })
      })
    }
    if (messageMs !== undefined) repeat(messageMs, send)
    return new Heartbeat({
      pulse: new Pulse({ now: () => clock.now() + offsetMs, after: (ms, callback) => clock.after(ms, callback) }),
      send: (bytes) => {
        if (hung[name]) return
        beats[name]++
        const phaseMs = clock.now() % HELD_EVERY_MS
        const heldForMs = phaseMs < heldMs && clock.now() > HELD_EVERY_MS ? heldMs - phaseMs : 0
        clock.after(heldForMs, () =>
          fly(() => {
            sign()
            ends[1 - index]?.receive(bytes)
          }),
        )
      },
      onSilent: (silent) => silences.push([name, silent, clock.now()]),
      onRtt: () => {},
      arrived: async () => arrived[name],
      hidden: () => hidden[name],
      busy: () => busy[name],
    })
  }
  ends.push(make('a', 'b', 0), make('b', 'a', 1))
  const stop = () => {
    for (const end of ends) end.stop()
    for (const cancel of cancels) cancel()
  }
  return { silences, ends, cut, hung, hidden, busy, beats, lastSignMs, stop }
}

/** Beats of both ends within `forMs`. */
async function countBeats(clock: VirtualClock, { beats }: ReturnType<typeof pair>, forMs: number): Promise<number> {
  const before = beats.a + beats.b
  await clock.advance(forMs)
  return beats.a + beats.b - before
}

describe('heartbeat', () => {
  it.each<Path & { seeds: number }>([
    { rttMs: 300, loss: 0.05, jitterMs: 40, seeds: 6 },
    { rttMs: 600, loss: 0.05, jitterMs: 80, seeds: 6 },
    { rttMs: 300, loss: 0.05, jitterMs: 20, heldMs: 2500, seeds: 3 },
    { rttMs: 600, loss: 0.05, jitterMs: 20, heldMs: 4000, seeds: 3 },
    { rttMs: 600, loss: 0.05, jitterMs: 20, messageMs: 300, seeds: 3 },
    { rttMs: 2, loss: 0, jitterMs: 0, seeds: 1 },
    { rttMs: 2, loss: 0.05, jitterMs: 10, seeds: 12 },
    { rttMs: 90, loss: 0.05, jitterMs: 20, seeds: 12 },
    // Asleep for most of the time.
    { rttMs: 90, loss: 0.02, jitterMs: 10, seeds: 12 },
    { rttMs: 4, loss: 0.01, jitterMs: 2, seeds: 12 },
    { rttMs: 10, loss: 0.05, jitterMs: 10, messageMs: 90, seeds: 12 },
    { rttMs: 60, loss: 0.05, jitterMs: 30, messageMs: 190, seeds: 12 },
  ])(
    'never takes %o for death in 10 minutes',
    async ({ seeds, ...path }) => {
      for (let seed = 1; seed <= seeds; seed++) {
        const clock = new VirtualClock()
        const { silences, stop } = pair(clock, seededRandom(seed), path)
        await clock.advance(600_000)
        expect(silences, `seed ${seed}`).toEqual([])
        stop()
        await clock.advance(60_000)
        expect(clock.pending).toBe(0)
      }
    },
    120_000,
  )

  it.each<Path>([
    { rttMs: 2, loss: 0, jitterMs: 0 },
    { rttMs: 2, loss: 0.05, jitterMs: 10 },
    { rttMs: 2, loss: 0.25, jitterMs: 40 },
    { rttMs: 90, loss: 0.05, jitterMs: 20 },
    { rttMs: 300, loss: 0.05, jitterMs: 20 },
    { rttMs: 600, loss: 0.05, jitterMs: 20 },
    { rttMs: 600, loss: 0.05, jitterMs: 20, heldMs: 2500 },
    { rttMs: 10, loss: 0.05, jitterMs: 10, messageMs: 90 },
  ])(
    'notices a silent peer within 2 s of its last sign at %o, whenever the path ends',
    async (path) => {
      for (let seed = 1; seed <= 40; seed++) {
        const clock = new VirtualClock()
        const { silences, cut, lastSignMs, stop } = pair(clock, seededRandom(seed), path)
        // At every phase of what holds beats up, and of runs of messages.
        await clock.advance(30_000 + seed * 331)
        expect(silences).toEqual([])
        cut.b = true
        await clock.advance(9000)
        const [found] = silences
        expect(found?.[0]).toBe('a')
        const lastMs = path.heldMs === undefined ? lastSignMs.a : 30_000 + seed * 331 + path.rttMs / 2 + path.jitterMs
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
    const end = new Heartbeat({
      pulse: new Pulse(stalled),
      send: () => {},
      onSilent: (s) => silences.push(s),
      onRtt: () => {},
    })
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
    const told = { ...beat, receivedMbit: 12.5, receivedSlices: 0, lossless: true } as const
    expect(decodeBeat(encodeBeat(told))).toEqual(told)
    const flagged = encodeBeat(told)
    flagged[1] = 2
    expect(decodeBeat(flagged)).toBeUndefined()
    expect(decodeBeat(encodeBeat({ ...beat, intervalMs: 60_000 }))).toBeUndefined()
  })
})

describe('the pace of beats', () => {
  const quiet: Path = { rttMs: 4, loss: 0, jitterMs: 1 }

  it('halves on a link that rests and again when it sleeps, and is as before when someone waits for an answer', async () => {
    const clock = new VirtualClock()
    const link = pair(clock, seededRandom(1), quiet)
    expect(await countBeats(clock, link, 2000)).toBeGreaterThanOrEqual(18)
    await clock.advance(3000)
    expect(await countBeats(clock, link, 10_000)).toBe(50)
    await clock.advance(10_000)
    expect(await countBeats(clock, link, 20_000)).toBe(50)
    // One end knows of the question; the other goes along.
    link.busy.a = true
    await clock.advance(1000)
    expect(await countBeats(clock, link, 20_000)).toBe(200)
    link.busy.a = false
    await clock.advance(8000)
    expect(await countBeats(clock, link, 20_000)).toBe(50)
    expect(link.silences).toEqual([])
    link.stop()
  })

  it('sleeps with both ends beating together, so that acknowledgements travel with beats', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const clock = new VirtualClock()
      const link = pair(clock, seededRandom(seed), quiet)
      await clock.advance(40_000)
      const beats = { ...link.beats }
      for (let step = 0; step < 200; step++) {
        await clock.advance(50)
        // Chromium acknowledges alone what nothing has left for within 200 ms.
        const gap = Math.abs(link.beats.a - beats.a - (link.beats.b - beats.b))
        expect(gap).toBeLessThanOrEqual(1)
      }
      expect(link.beats.a - beats.a).toBeGreaterThanOrEqual(12)
      expect(link.beats.a - beats.a).toBeLessThanOrEqual(14)
      link.stop()
    }
  })

  it('lets messages stand for beats, but not for all of them', async () => {
    const clock = new VirtualClock()
    const link = pair(clock, seededRandom(1), { ...quiet, messageMs: 100 })
    await clock.advance(3 * MESSAGES.everyMs)
    const perSecond = (await countBeats(clock, link, 6000)) / 6
    expect(perSecond).toBeGreaterThanOrEqual(2)
    expect(perSecond).toBeLessThanOrEqual(4)
    link.stop()
  })

  it.each([
    { rttMs: 120, loss: 0, jitterMs: 1 },
    { rttMs: 4, loss: 0.3, jitterMs: 1 },
  ])('never falls on a link that is not steady: %o', async (path) => {
    const clock = new VirtualClock()
    const link = pair(clock, seededRandom(1), path)
    await clock.advance(60_000)
    expect(await countBeats(clock, link, 20_000)).toBeGreaterThanOrEqual(198)
    link.stop()
  })

  it('asks a peer that misses a beat for more, and gets them at once', async () => {
    const clock = new VirtualClock()
    const link = pair(clock, seededRandom(1), quiet)
    await clock.advance(10_000)
    link.cut.b = true
    await clock.advance(700)
    link.cut.b = false
    const before = link.lastSignMs.a
    await clock.advance(100 + quiet.rttMs + quiet.jitterMs)
    expect(link.lastSignMs.a).toBeGreaterThan(before)
    await clock.advance(1000)
    expect(await countBeats(clock, link, 10_000)).toBe(50)
    expect(link.silences).toEqual([])
    link.stop()
  })

  it('is one a second for a hidden page, which answers all the same when it is asked', async () => {
    const clock = new VirtualClock()
    const link = pair(clock, seededRandom(1), quiet)
    await clock.advance(10_000)
    link.hidden.b = true
    await clock.advance(3000)
    const before = link.beats.b
    await clock.advance(10_000)
    expect(link.beats.b - before).toBe(10)
    expect(link.silences).toEqual([])
    const asked: Parameters<typeof encodeBeat>[0] = {
      sequence: 1e6,
      intervalMs: 100,
      sentAtMs: 0,
      echoSentAtMs: Number.NaN,
      echoHeldMs: 0,
    }
    await clock.advance(200)
    const asking = link.beats.b
    link.ends[1]?.receive(encodeBeat(asked))
    expect(link.beats.b - asking).toBe(1)
    link.stop()
  })
})

/** Two ends that count the beats they send and the slices that their owner says have left and come. */
function counted(
  clock: VirtualClock,
  path: { wayMs: number; isLost?: (index: number, sent: number) => boolean; busy?: () => boolean },
) {
  const { wayMs, isLost = () => false, busy } = path
  const counts = {
    0: { received: 0, receivedBytes: 0, sent: 0 },
    1: { received: 0, receivedBytes: 0, sent: 0 },
  }
  const beats: [number, number] = [0, 0]
  const ends: Heartbeat[] = []
  for (const index of [0, 1] as const) {
    ends.push(
      new Heartbeat({
        pulse: new Pulse(clock),
        send: (bytes) => {
          beats[index]++
          if (!isLost(index, beats[index])) clock.after(wayMs, () => ends[1 - index]?.receive(bytes))
        },
        onSilent: () => {},
        onRtt: () => {},
        slices: () => counts[index],
        ...(busy === undefined ? {} : { busy }),
      }),
    )
  }
  return { counts, beats, ends }
}

describe('the end of a message on a lossy way', () => {
  /** Two ends that count beats; `lost`: the message's last slice does not arrive. */
  async function exchange({
    wayMs = 5,
    lost = false,
    answerAfterMs,
  }: {
    wayMs?: number
    lost?: boolean
    answerAfterMs?: number
  }) {
    const clock = new VirtualClock()
    const { counts, beats, ends } = counted(clock, { wayMs })
    const message = (from: 0 | 1, arrives: boolean) => {
      ends[from]?.sent(1000)
      counts[from].sent++
      if (!arrives) return
      clock.after(wayMs, () => {
        counts[(1 - from) as 0 | 1].received++
        ends[1 - from]?.whole(1000)
      })
    }
    // Round trips are known, and the way is not: it counts as lossy.
    await clock.advance(2010)
    const before = [...beats]
    message(0, !lost)
    if (answerAfterMs !== undefined) clock.after(wayMs + answerAfterMs, () => message(1, true))
    await clock.advance(150)
    for (const end of ends) end.stop()
    return beats.map((count, index) => count - (before[index] ?? 0))
  }

  it('is told by one beat of the receiver, so that the sender need not probe', async () => {
    expect(await exchange({})).toEqual([0, 1])
  })

  it.each([1.5, 2, 2.5, 10, 25])('is told of in time on a way of %d ms', async (wayMs) => {
    expect(await exchange({ wayMs })).toEqual([0, 1])
  })

  it('is probed, and not told of as well, where word of it would come too late', async () => {
    expect(await exchange({ wayMs: 30 })).toEqual([3, 0])
  })

  it('is probed with three beats when no word of it comes', async () => {
    expect(await exchange({ lost: true })).toEqual([3, 0])
  })

  it('needs no beat of who answers at once; the answer is told of in its turn', async () => {
    expect(await exchange({ answerAfterMs: 2 })).toEqual([1, 0])
  })

  it('is probed and told of by the way that it took, not by the way back', async () => {
    const clock = new VirtualClock()
    // Only what the first end sends is lost now and then.
    const isLost = (index: number, sent: number) => index === 0 && sent % 20 === 0
    const { counts, beats, ends } = counted(clock, { wayMs: 5, isLost, busy: () => true })
    await clock.advance(90_000)
    const beatsOf = async (act: () => void) => {
      const before = [...beats]
      act()
      await clock.advance(100)
      return beats.map((count, index) => count - (before[index] ?? 0))
    }
    const idle = await beatsOf(() => {})
    await clock.advance(100)
    const lost = await beatsOf(() => {
      ends[0]?.sent(1000)
      counts[0].sent++
    })
    await clock.advance(100)
    const arrived = await beatsOf(() => {
      ends[1]?.sent(1000)
      counts[1].sent++
      clock.after(5, () => {
        counts[0].received++
        ends[0]?.whole(1000)
      })
    })
    for (const end of ends) end.stop()
    expect([lost, arrived]).toEqual([[3, 0], idle])
  })

  it.each([5, 12, 20])(
    'is told of a few times in a stream of messages %d ms apart, and never probed',
    async (gapMs) => {
      const clock = new VirtualClock()
      const { counts, beats, ends } = counted(clock, { wayMs: 5, busy: () => true })
      await clock.advance(2000)
      const before = [...beats]
      for (let index = 0; index < 100; index++) {
        ends[0]?.sent(1000)
        counts[0].sent++
        clock.after(5, () => {
          counts[1].received++
          ends[1]?.whole(1000)
        })
        await clock.advance(gapMs)
      }
      await clock.advance(100)
      for (const end of ends) end.stop()
      // Beats may leave 50 ms early.
      const regular = (100 * gapMs + 100) / 150 + 1
      const [sender = 0, receiver = 0] = beats.map((count, index) => count - (before[index] ?? 0))
      expect(sender).toBeLessThanOrEqual(regular)
      expect(receiver).toBeLessThanOrEqual(regular + 4)
    },
  )

  it('needs neither on a way within a machine, which loses beats only in the crowd of a burst; the burst does', async () => {
    const clock = new VirtualClock()
    const { counts, beats, ends } = counted(clock, {
      wayMs: 0.4,
      isLost: (_, sent) => sent % 20 === 0,
      busy: () => true,
    })
    const carry = (bytes: number, arrives = true) => {
      ends[0]?.sent(bytes)
      counts[0].sent++
      if (!arrives) return
      clock.after(0.4, () => {
        counts[1].received++
        counts[1].receivedBytes += bytes
        ends[1]?.whole(bytes)
      })
    }
    // Both directions are full all the time, as far as their ends know.
    for (let round = 0; round < 100; round++) {
      for (const index of [0, 1] as const) counts[index].receivedBytes += 50_000
      await clock.advance(200)
    }
    const beatsOf = async (act: () => void) => {
      const before = [...beats]
      act()
      await clock.advance(20)
      return beats.map((count, index) => count - (before[index] ?? 0))
    }
    await clock.advance(110)
    expect(await beatsOf(() => carry(4096))).toEqual([0, 0])
    expect(await beatsOf(() => carry(4096, false))).toEqual([0, 0])
    counts[1].received++
    expect(await beatsOf(() => carry(60_000))).toEqual([0, 1])
    await clock.advance(200)
    expect(await beatsOf(() => carry(60_000, false))).toEqual([3, 0])
    for (const end of ends) end.stop()
  })
})
