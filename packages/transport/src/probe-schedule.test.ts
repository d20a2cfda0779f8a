import { seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { ProbeSchedule } from './probe-schedule.ts'

function setup() {
  const clock = new VirtualClock()
  const world = { calm: true, known: false, probes: [] as { atMs: number; thorough: boolean }[] }
  const schedule = new ProbeSchedule({
    clock,
    random: { ...seededRandom(1), next: () => 0 },
    calm: () => world.calm,
    known: () => world.known,
    probe: async (thorough) => {
      world.probes.push({ atMs: Math.round(clock.now() / 1000), thorough })
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
    expect(world.probes.map(({ thorough }) => thorough)).toEqual([false, true, true, true, false, false, false])
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
