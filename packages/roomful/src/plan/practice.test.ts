import { planId, VirtualClock } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Asking } from '../asking.ts'
import type { RoomSnapshot } from '../snapshot.ts'
import { SnapshotStore } from '../view/store.ts'
import type { Planning } from './planning.ts'
import type { PlanningDesk } from './planning-desk.ts'
import { practise } from './practice.ts'

const current = { planId: planId('p1'), plan: { model: 'm' } }
const better = { plan: { model: 'm' }, words: [], runnersUp: [] }

/** A quiet room whose candidate plan takes `candidateMs` against 10 ms of the one in use. */
function quietRoom(candidateMs: number) {
  const stop = new AbortController()
  const clock = new VirtualClock()
  const store = new SnapshotStore({ stats: { answered: 1 } } as RoomSnapshot)
  const asking = { busy: false, idle: async () => {} }
  const adopt = vi.fn(async () => {})
  const practice = vi.fn(async () => ({ curve: [12, 9], better }))
  const rest = vi.fn(async () => {})
  const candidate = { planId: planId('p2'), plan: better.plan }
  const retire = vi.fn()
  const runtime = {
    usable: () => true,
    prepare: async () => candidate,
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
    store,
    clock,
    mayPractise: () => true,
    signal: stop.signal,
  }).catch(() => {})
  return { stop, clock, store, asking, adopt, practice, rest, retire, ended }
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
    expect(room.adopt).toHaveBeenCalledWith(better)
    expect(room.store.snapshot.practice).toEqual({ curve: [12, 9], adopted: 1, refused: 0 })
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
    expect(room.store.snapshot.practice).toMatchObject({ adopted: 0, refused: 1 })
  })

  it('rests as soon as somebody asks, and tries nothing', async () => {
    room.practice.mockImplementationOnce(
      () => new Promise((resolve) => room.clock.after(1_000, () => resolve({ curve: [9], better }))),
    )
    await pass(3_200)
    room.asking.busy = true
    await pass(1_200)
    expect(room.rest).toHaveBeenCalled()
    expect(room.adopt).not.toHaveBeenCalled()
  })

  it('looks thoroughly until that has been decided on, even when it was interrupted', async () => {
    room.practice.mockImplementationOnce(
      () => new Promise((resolve) => room.clock.after(1_000, () => resolve({ curve: [], better }))),
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
