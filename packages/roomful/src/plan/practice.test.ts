import { planId, VirtualClock } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Asking } from '../asking.ts'
import type { RoomSnapshot } from '../snapshot.ts'
import { SnapshotStore } from '../view/store.ts'
import type { Planning } from './planning.ts'
import type { PlanningDesk } from './planning-desk.ts'
import { practise } from './practice.ts'

const current = { planId: planId('p1'), plan: { model: 'm', volumes: [], exits: [] } }
const better = {
  plan: { model: 'm', method: 'learned', volumes: [], exits: [], predicted: { latencyMs: 8 } },
  words: ['Tab B alone'],
  runnersUp: [],
}
const found = { by: 'learning', chosen: better, currentMs: 10 }

/** A quiet room whose candidate plan takes `candidateMs` against 10 ms of the one in use. */
function quietRoom(candidateMs: number) {
  const stop = new AbortController()
  const clock = new VirtualClock()
  const store = new SnapshotStore({ stats: { answered: 1 } } as RoomSnapshot)
  const asking = { busy: false, idle: async () => {} }
  const adopt = vi.fn(async () => {})
  const practice = vi.fn(async (): Promise<unknown> => ({ curve: [12, 9], found }))
  const rest = vi.fn(async () => {})
  const candidate = { planId: planId('p2'), plan: better.plan }
  const retire = vi.fn()
  const runtime = {
    usable: () => true,
    prepare: async () => {
      if (Number.isNaN(candidateMs)) throw new Error('a helper said no')
      return candidate
    },
    retire,
    infer: async (_: unknown, { plan }: { plan: unknown }) => ({
      trace: { totalMs: plan === candidate ? candidateMs : 10 },
    }),
  }
  const desk = {
    practiceTask: { digest: 'm', topology: { devices: [] }, planning: {}, current },
    model: { pack: { manifest: { input: { width: 2, height: 2 } } } },
    adopt,
  }
  const ended = practise({
    planning: { practise: practice, rest } as unknown as Planning,
    desk: desk as unknown as PlanningDesk,
    runtime: runtime as unknown as Runtime,
    asking: asking as unknown as Asking,
    pictures: { among: () => [] },
    store,
    clock,
    mayPractise: () => true,
    signal: stop.signal,
  }).catch(() => {})
  return { stop, clock, store, asking, desk, adopt, practice, rest, retire, ended }
}

let room: ReturnType<typeof quietRoom>
const pass = async (ms: number) => {
  for (let t = 0; t < ms; t += 100) {
    await room.clock.advance(100)
    for (let i = 0; i < 60; i++) await Promise.resolve()
  }
}

describe('practise', () => {
  beforeEach(() => {
    room = quietRoom(5)
    return async () => {
      room.stop.abort()
      await room.ended
    }
  })

  it('adopts a learned plan that is measured better, and keeps the learning curve', async () => {
    await pass(3_500)
    const [adopted] = room.adopt.mock.calls[0] as unknown as [typeof better]
    expect(adopted).toMatchObject({ plan: better.plan, words: ['Tab B alone', expect.stringContaining('50 % faster')] })
    // Half of the time where 8 of 10 ms were predicted.
    expect((room.adopt.mock.calls[0] as unknown[])[1]).toBeCloseTo(0.5 / 0.8, 9)
    const { practice } = room.store.snapshot
    expect(practice).toMatchObject({ curve: [12, 9], adopted: 1, refused: 0 })
    expect(practice?.trials).toEqual([
      {
        by: 'learning',
        summary: 'Tab B alone',
        predictedMs: 8,
        currentPredictedMs: 10,
        verdict: 'adopted',
        reason: 'measured 50 % faster: 5.0 ms against 10.0 ms, 9 runs of each on a grey picture; 5 % are asked for',
        measured: { currentMs: 10, candidateMs: 5, pictures: 0, runs: 9 },
      },
    ])
    expect(room.retire).toHaveBeenCalled()
  })

  it('does not practise on a device that has asked nothing', async () => {
    room.store.update({ stats: { ...room.store.snapshot.stats, answered: 0 } })
    await pass(3_500)
    expect(room.practice).not.toHaveBeenCalled()
  })

  it('leaves a learned plan that is only predicted better', async () => {
    room.stop.abort()
    room = quietRoom(9.8)
    await pass(3_500)
    expect(room.adopt).not.toHaveBeenCalled()
    expect(room.store.snapshot.practice).toMatchObject({
      adopted: 0,
      refused: 1,
      trials: [{ verdict: 'refused', reason: expect.stringContaining('measured 2 % faster') }],
    })
  })

  it('says why a plan is not tried, once, and does not count it', async () => {
    room.practice.mockImplementation(async () => ({
      curve: [9],
      found: { ...found, untried: 'predicted 12 % slower' },
    }))
    await pass(8_000)
    expect(room.practice.mock.calls.length).toBeGreaterThan(1)
    const { practice } = room.store.snapshot
    expect(practice).toMatchObject({ adopted: 0, refused: 0 })
    expect(practice?.trials).toMatchObject([{ verdict: 'untried', reason: 'predicted 12 % slower' }])
    expect(practice?.trials[0]).not.toHaveProperty('measured')
  })

  it('turns down a plan that cannot be run, and says so', async () => {
    room.stop.abort()
    room = quietRoom(Number.NaN)
    await pass(3_500)
    expect(room.adopt).not.toHaveBeenCalled()
    expect(room.store.snapshot.practice?.trials).toMatchObject([
      { verdict: 'refused', reason: expect.stringContaining('a helper said no') },
    ])
  })

  it('tells the planning what has been tried, so that no plan is tried twice in one room', async () => {
    room.stop.abort()
    room = quietRoom(20)
    await pass(8_000)
    const tried = room.practice.mock.calls.map((call) => ((call as unknown[])[4] as { tried: unknown[] }).tried)
    expect(tried.slice(0, 2)).toEqual([[], [better.plan]])
  })

  it('goes on from what it has adopted, and keeps curve and verdicts', async () => {
    room.adopt.mockImplementation(async () => {
      room.desk.practiceTask = { ...room.desk.practiceTask, current: { planId: planId('p9'), plan: better.plan } }
    })
    await pass(3_500)
    room.practice.mockImplementation(async () => ({ curve: [8] }))
    await pass(3_500)
    const { practice } = room.store.snapshot
    expect(practice?.curve.slice(0, 3)).toEqual([12, 9, 8])
    expect(practice).toMatchObject({ adopted: 1, trials: [{ verdict: 'adopted' }] })
    // Another plan of the planner's begins another curve; the verdicts stay.
    room.desk.practiceTask = { ...room.desk.practiceTask, current: { planId: planId('p10'), plan: current.plan } }
    await pass(3_500)
    expect(room.store.snapshot.practice).toMatchObject({ curve: [8], adopted: 1, trials: [{ verdict: 'adopted' }] })
  })

  it('rests as soon as somebody asks, and tries nothing', async () => {
    room.practice.mockImplementationOnce(
      () => new Promise((resolve) => room.clock.after(1_000, () => resolve({ curve: [9], found }))),
    )
    await pass(3_200)
    room.asking.busy = true
    await pass(1_200)
    expect(room.rest).toHaveBeenCalled()
    expect(room.adopt).not.toHaveBeenCalled()
  })

  it('looks thoroughly until that has been decided on, even when it was interrupted', async () => {
    room.practice.mockImplementationOnce(
      () =>
        new Promise((resolve) =>
          room.clock.after(1_000, () => resolve({ curve: [], found: { ...found, by: 'planning' } })),
        ),
    )
    await pass(3_200)
    room.asking.busy = true
    await pass(1_200)
    room.asking.busy = false
    await pass(9_000)
    expect(room.practice.mock.calls.map((call) => (call as unknown[])[4]).slice(0, 3)).toMatchObject([
      { thorough: true },
      { thorough: true },
      { thorough: false },
    ])
  })

  it('gives one room only so many stretches', async () => {
    await pass(30_000)
    expect(room.practice).toHaveBeenCalledTimes(5)
  })
})
