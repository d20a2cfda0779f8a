import { deviceId, modelDigest, type Plan, sleep, VirtualClock } from '@roomful/core'
import { expect, it } from 'vitest'
import { LearningDesk } from './learning-desk.ts'
import type { Observed, Planning } from './planning.ts'

/** Planning that keeps what it is told. */
function listening() {
  const seen: Observed[] = []
  const observe: Planning['observe'] = async (_, __, measured) => {
    seen.push(...measured)
    return { ratio: 1 }
  }
  return { seen, planning: { observe } as Partial<Planning> as Planning }
}

it('says of every transfer how long nothing had gone that way before', async () => {
  const clock = new VirtualClock()
  const [a, b] = [deviceId('a'), deviceId('b')]
  const { seen, planning } = listening()
  const topology = () => ({ initiator: a, devices: [], links: [] })
  const desk = new LearningDesk({ planning, clock, topology, onDrift: () => {} })
  const sent = (from: typeof a, to: typeof a) =>
    desk.measured(modelDigest('m'), { kind: 'transfer', from, to, bytes: 1000, ms: 10 })
  const story = async () => {
    await sleep(clock, 100)
    sent(a, b)
    await sleep(clock, 50)
    sent(a, b)
    sent(b, a)
    await sleep(clock, 8000)
    sent(a, b)
    await sleep(clock, 2000)
  }
  await clock.runUntil(story(), 60_000)
  const first = Number.POSITIVE_INFINITY
  expect(seen.map((one) => (one.kind === 'transfer' ? one.idleMs : undefined))).toEqual([first, 40, first, 7990])
  desk.close()
})

it('tells of every lesson, and of a drift only when it is worth another plan', async () => {
  const clock = new VirtualClock()
  let ratio = 1.2
  const planning = { observe: async () => ({ ratio }) } as Partial<Planning> as Planning
  const topology = () => ({ initiator: deviceId('a'), devices: [], links: [] })
  const told: string[] = []
  const onDrift = () => void told.push('drift')
  const onLearned = () => void told.push('learned')
  const desk = new LearningDesk({ planning, clock, topology, onDrift, onLearned })
  const measure = async () => {
    desk.measured(modelDigest('m'), {
      kind: 'compute',
      device: deviceId('a'),
      backend: 'ort-wasm',
      from: 'x',
      to: 'y',
      ms: 5,
    })
    await clock.runUntil(sleep(clock, 2_000), 60_000)
  }
  await measure()
  expect(told).toEqual(['learned'])
  ratio = 1.3
  await measure()
  expect(told).toEqual(['learned', 'learned', 'drift'])
  desk.close()
})

it('gives means of requests that followed one another, by plan, and not of the first ones on it', async () => {
  const clock = new VirtualClock()
  const { seen, planning } = listening()
  const topology = () => ({ initiator: deviceId('a'), devices: [], links: [] })
  const desk = new LearningDesk({ planning, clock, topology, onDrift: () => {} })
  const plans = [{ method: 'one' }, { method: 'two' }] as unknown as readonly [Plan, Plan]
  const asked = async (plan: Plan, exit: string, times: readonly number[]) => {
    for (const ms of times) desk.measured(modelDigest('m'), { kind: 'request', plan, exit, ms })
    await clock.runUntil(sleep(clock, 2_000), 60_000)
  }
  const warm = [900, 800, 700, 600, 500, 400]
  await asked(plans[0], 'final', [...warm, 30, 30, 30])
  expect(seen).toEqual([])
  await asked(plans[0], 'early', [10, 10, 10, 10, 10])
  const exits = new Map([
    ['final', 3],
    ['early', 5],
  ])
  expect(seen).toEqual([{ kind: 'requests', plan: plans[0], count: 8, ms: 17.5, exits }])
  await asked(plans[1], 'final', [...warm, 20, 20, 20, 20, 20, 20, 20, 20])
  expect(seen[1]).toMatchObject({ plan: plans[1], count: 8, ms: 20 })
  desk.close()
})
