import { deviceId, modelDigest, sleep, VirtualClock } from '@roomful/core'
import { expect, it } from 'vitest'
import { LearningDesk } from './learning-desk.ts'
import type { Observed, Planning } from './planning.ts'

it('says of every transfer how long nothing had gone that way before', async () => {
  const clock = new VirtualClock()
  const [a, b] = [deviceId('a'), deviceId('b')]
  const seen: Observed[] = []
  const planning = {
    observe: async (_: unknown, __: unknown, measured: readonly Observed[]) => {
      seen.push(...measured)
      return { ratio: 1 }
    },
  } as Partial<Planning> as Planning
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
  expect(seen.map((one) => one.idleMs)).toEqual([first, 40, first, 7990])
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
