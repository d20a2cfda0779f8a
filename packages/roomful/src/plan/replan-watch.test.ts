import { type Topology, VirtualClock } from '@roomful/core'
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
let plannedAtMs: number[]
let watch: ReplanWatch

beforeEach(() => {
  clock = new VirtualClock()
  topology = room(100)
  asking = false
  plannedAtMs = []
  watch = new ReplanWatch({
    clock,
    topology: () => topology,
    isAsking: () => asking,
    onDue: () => {
      plannedAtMs.push(clock.now())
      watch.planned(topology, clock.now())
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
})
