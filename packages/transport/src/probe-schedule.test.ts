import { seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { type ProbeKind, ProbeSchedule } from './probe-schedule.ts'

function setup() {
  const clock = new VirtualClock()
  const world = {
    calm: true,
    known: false,
    busy: false,
    onProbe: () => {},
    probes: [] as { atMs: number; kind: ProbeKind }[],
  }
  const schedule = new ProbeSchedule({
    clock,
    random: { ...seededRandom(1), next: () => 0 },
    calm: () => world.calm,
    known: () => world.known,
    probe: async (kind) => {
      if (kind === 'look' && world.busy) {
        world.onProbe()
        return false
      }
      world.probes.push({ atMs: Math.round(clock.now() / 1000), kind })
      return true
    },
  })
  const times = () => world.probes.map(({ atMs }) => atMs)
  return { clock, world, schedule, times }
}

describe('probe schedule', () => {
  it('measures a fresh link at once and again at 5, 10, 15 and 60 s, then every two minutes', async () => {
    const { clock, schedule, times, world } = setup()
    await clock.advance(310_000)
    expect(times()).toEqual([0, 5, 10, 15, 60, 180, 300])
    const [thorough, look] = ['thorough', 'look']
    expect(world.probes.map(({ kind }) => kind)).toEqual(['first', thorough, thorough, thorough, look, look, look])
    schedule.stop()
    expect(clock.pending).toBe(0)
  })

  it('waits for a calm moment, but not for ever', async () => {
    const { clock, schedule, times, world } = setup()
    world.calm = false
    clock.after(16_000, () => {
      world.calm = true
    })
    await clock.advance(30_000)
    expect(times()).toEqual([0, 6, 11, 16])
    schedule.stop()
  })

  it('puts off a look at a link while either end is busy, three minutes at most', async () => {
    for (const who of ['calm', 'busy'] as const) {
      const { clock, schedule, times, world } = setup()
      await clock.advance(50_000)
      world[who] = who === 'busy'
      await clock.advance(120_000)
      expect(times()).toEqual([0, 5, 10, 15])
      await clock.advance(90_000)
      expect(times()).toHaveLength(5)
      expect(world.probes.at(-1)?.kind).toBe('forced')
      world[who] = who !== 'busy'
      await clock.advance(160_000)
      expect(world.probes.map(({ kind }) => kind).slice(5)).toEqual(['look'])
      schedule.stop()
      expect(clock.pending).toBe(0)
    }
  })

  it('measures thoroughly on news that come while a look is put off', async () => {
    const { clock, schedule, times, world } = setup()
    world.busy = true
    await clock.advance(70_000)
    schedule.news()
    await clock.advance(5_000)
    expect(times()).toEqual([0, 5, 10, 15, 71])
    expect(world.probes.at(-1)?.kind).toBe('thorough')
    schedule.stop()
  })

  it('measures thoroughly on news that come while a busy peer is being asked', async () => {
    const { clock, schedule, times, world } = setup()
    await clock.advance(50_000)
    world.busy = true
    world.onProbe = () => schedule.news()
    await clock.advance(25_000)
    expect(times()).toEqual([0, 5, 10, 15, 61])
    expect(world.probes.at(-1)?.kind).toBe('thorough')
    schedule.stop()
    expect(clock.pending).toBe(0)
  })

  it('leaves out what transfers have measured already', async () => {
    const { clock, schedule, times, world } = setup()
    world.known = true
    await clock.advance(250_000)
    expect(times()).toEqual([0, 5, 10, 15])
    schedule.stop()
    expect(clock.pending).toBe(0)
  })

  it('measures again when a device has news of its speed, at most six times', async () => {
    const { clock, schedule, times } = setup()
    await clock.advance(20_000)
    for (let i = 0; i < 8; i++) {
      schedule.news()
      await clock.advance(3000)
    }
    expect(times()).toEqual([0, 5, 10, 15, 21, 24, 27, 30, 33, 36])
    schedule.stop()
  })

  it('stops for good', async () => {
    const { clock, schedule, times } = setup()
    schedule.stop()
    await clock.advance(100_000)
    schedule.news()
    await clock.advance(100_000)
    expect(times()).toEqual([])
    expect(clock.pending).toBe(0)
  })
})
