import { sleep, type Topology, VirtualClock } from '@roomful/core'
import { readRoom } from '@roomful/planner'
import { beforeEach, describe, expect, it } from 'vitest'
import { ReplanWatch } from './replan-watch.ts'

function room(mbitPerSecond: number, names: readonly string[] = ['laptop']): Topology {
  return readRoom({
    initiator: 'phone',
    devices: ['phone', ...names].map((id) => ({ id, gmacsPerSecond: 2 })),
    links: names.map((b) => ({ a: 'phone', b, mbitPerSecond, rttMs: 4 })),
  }).topology
}

let clock: VirtualClock
let topology: Topology
let asking: boolean
let planningMs: number
let runs: number
let plannedAtMs: number[]
let watch: ReplanWatch

beforeEach(() => {
  clock = new VirtualClock()
  topology = room(100)
  asking = false
  planningMs = 0
  runs = 0
  plannedAtMs = []
  watch = new ReplanWatch({
    clock,
    topology: () => topology,
    isAsking: () => asking,
    onDue: async () => {
      const made = { of: topology, atMs: clock.now(), run: ++runs }
      if (planningMs > 0) await sleep(clock, planningMs)
      // As at the desk: the newest planning wins.
      if (made.run !== runs) return
      plannedAtMs.push(made.atMs)
      watch.planned(made.of, made.atMs)
    },
  })
})

/** A link whose rate halves and doubles every second. */
async function restless(forMs: number): Promise<void> {
  for (let at = 0; at < forMs; at += 1_000) {
    topology = room(at % 2_000 === 0 ? 40 : 100)
    watch.changed()
    await clock.advance(1_000)
  }
}

const pauses = () => plannedAtMs.slice(1).map((at, i) => at - (plannedAtMs[i] as number))

describe('ReplanWatch', () => {
  it('plans a restless room ever more seldom while nobody asks', async () => {
    await restless(200_000)
    const waited = pauses()
    expect(waited.length).toBeGreaterThan(4)
    for (const [i, ms] of waited.entries()) expect(ms).toBeGreaterThanOrEqual(3_000 * 2 ** Math.min(i, 4))
  })

  it('plans within the pause while somebody asks', async () => {
    asking = true
    await restless(60_000)
    for (const ms of pauses()) expect(ms).toBeLessThan(6_000)
  })

  it('plans what it has put off as soon as somebody asks', async () => {
    await restless(60_000)
    topology = room(10)
    watch.changed()
    await clock.advance(1_000)
    const before = plannedAtMs.length
    watch.asked()
    await clock.advance(3_000)
    expect(plannedAtMs.length).toBe(before + 1)
  })

  it('does not wait with a device that has come or gone', async () => {
    await restless(60_000)
    const before = plannedAtMs.length
    topology = room(100, ['laptop', 'tablet'])
    watch.changed()
    await clock.advance(3_200)
    expect(plannedAtMs.length).toBe(before + 1)
    topology = room(100, ['tablet'])
    watch.changed()
    await clock.advance(200)
    expect(plannedAtMs.length).toBe(before + 2)
  })

  it('plans at once when the plan cannot go on, and never after it was closed', async () => {
    await restless(60_000)
    const before = plannedAtMs.length
    watch.changed(true)
    await clock.advance(200)
    expect(plannedAtMs.length).toBe(before + 1)
    watch.close()
    watch.changed(true)
    await clock.advance(100_000)
    expect(plannedAtMs.length).toBe(before + 1)
  })

  it('plans soon for what is measured of a device that has just come to a restless room', async () => {
    await restless(200_000)
    const both = room(100, ['laptop', 'tablet'])
    const unmeasured = { ...both, links: both.links.filter(({ b }) => b !== 'tablet') }
    const before = plannedAtMs.length
    topology = unmeasured
    watch.changed()
    await clock.advance(3_200)
    expect(plannedAtMs.length).toBe(before + 1)
    topology = both
    watch.changed()
    await clock.advance(3_200)
    expect(plannedAtMs.length).toBe(before + 2)
  })

  it('does not take the forming of a room for drifts of it', async () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    for (let count = 1; count <= names.length; count++) {
      topology = room(100, names.slice(0, count))
      watch.changed()
      await clock.advance(4_000)
    }
    expect(plannedAtMs.length).toBe(5)
    topology = room(20, names)
    watch.changed()
    await clock.advance(200)
    expect(plannedAtMs.length).toBe(6)
  })

  it.each([true, false])('finishes plans that take longer than the room stays as it is (asked: %s)', async (asks) => {
    asking = asks
    planningMs = 400
    for (let at = 0; at < 60_000; at += 100) {
      topology = room(10 * 3 ** ((at / 100) % 5))
      watch.changed()
      await clock.advance(100)
    }
    expect(plannedAtMs.length).toBeGreaterThan(asks ? 6 : 4)
  })

  it('plans for a lesson within the pause, and for a row of them in a twentieth of the time at most', async () => {
    asking = true
    watch.changed()
    await clock.advance(200)
    expect(plannedAtMs).toHaveLength(1)
    watch.learned()
    await clock.advance(3_200)
    expect(plannedAtMs).toHaveLength(2)
    await clock.advance(60_000)
    expect(plannedAtMs).toHaveLength(2)
    planningMs = 400
    for (let second = 0; second < 60; second++) {
      watch.learned()
      await clock.advance(1_000)
    }
    for (const ms of pauses().slice(2)) expect(ms).toBeGreaterThanOrEqual(8_000)
    expect(plannedAtMs.length).toBeGreaterThan(7)
  })

  it('makes no plan for a lesson that a plan made meanwhile knows, or that was of another model', async () => {
    watch.changed()
    await clock.advance(200)
    watch.learned()
    await clock.advance(500)
    // As the desk does for a wish, past this watch.
    watch.planned(topology, clock.now())
    await clock.advance(60_000)
    expect(plannedAtMs).toHaveLength(1)
    watch.learned()
    watch.forget()
    watch.planned(topology, clock.now())
    await clock.advance(60_000)
    expect(plannedAtMs).toHaveLength(1)
  })

  it('plans for what follows a join within the pause, however long the plan for the join took', async () => {
    asking = true
    watch.changed()
    await clock.advance(200)
    planningMs = 2_000
    topology = room(100, ['laptop', 'tablet'])
    watch.changed()
    await clock.advance(6_000)
    expect(plannedAtMs).toHaveLength(2)
    topology = room(20, ['laptop', 'tablet'])
    watch.changed()
    await clock.advance(3_200)
    expect(plannedAtMs).toHaveLength(3)
    // And never later than 48 s.
    planningMs = 20_000
    watch.learned()
    await clock.advance(49_000 + 20_000)
    expect(plannedAtMs).toHaveLength(4)
  })

  it('plans once more when the plan could not go on while another one was being made', async () => {
    planningMs = 400
    watch.changed()
    await clock.advance(300)
    watch.changed(true)
    await clock.advance(2_000)
    expect(plannedAtMs).toEqual([150, 600])
  })

  it('leaves no timer behind when it is closed, also while a plan is being made', async () => {
    planningMs = 400
    watch.changed()
    await clock.advance(200)
    watch.changed()
    watch.close()
    await clock.advance(500)
    expect(clock.pending).toBe(0)
  })
})
