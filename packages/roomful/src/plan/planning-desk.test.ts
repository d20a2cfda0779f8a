import { type DeviceProfile, deviceId, modelDigest, type Plan, planId, VirtualClock } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import type { Room } from '@roomful/transport'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { OpenedModel } from '../model/open-model.ts'
import type { RoomSnapshot } from '../snapshot.ts'
import { EMPTY_STATS } from '../view/stats.ts'
import { SnapshotStore } from '../view/store.ts'
import type { ChosenPlan, Planning } from './planning.ts'
import { PlanningDesk } from './planning-desk.ts'

const self = deviceId('self')

/** Plans that only say which model they are for: what the desk does with them is looked at here, not how they are made. */
const chosen = (digest: string, trunk: string): ChosenPlan =>
  ({
    plan: { model: digest, trunk, input: { kind: 'tensor' }, volumes: [], exits: [] },
    words: [],
    runnersUp: [],
  }) as unknown as ChosenPlan
const planning = {
  automatically: vi.fn(async (digest: string, ..._: readonly unknown[]) => chosen(digest, 't')),
  byHand: vi.fn(async (digest: string) => chosen(digest, 'hand')),
  observe: vi.fn(async () => ({ ratio: 1 })),
}

function modelOf(digest: string): OpenedModel {
  const manifest = { name: digest, digest, labels: [`label of ${digest}`], exits: [] }
  return {
    pack: { manifest: { ...manifest, input: { width: 1, height: 1 }, files: { weights: { bytes: 10 } } } },
    outline: { digest: modelDigest(digest), segments: [], points: [] },
  } as unknown as OpenedModel
}

/** A runtime that installs every plan, but those of models named `broken`. */
function fakeRuntime() {
  let count = 0
  const runtime = {
    current: [] as { plan: Plan; planId: string }[],
    usable: () => true,
    async install(plan: Plan, { signal }: { signal: AbortSignal }) {
      await Promise.resolve()
      if (plan.model === 'slow') {
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
      if (plan.model === 'broken' || runtime.refusesHands === (plan.trunk === 'hand')) throw new Error('no session')
      runtime.current = [{ plan, planId: planId(`p${++count}`), ...{ prepared: [] } }]
      return runtime.current
    },
    refusesHands: undefined as boolean | undefined,
  }
  return runtime
}

let runtime: ReturnType<typeof fakeRuntime>
let store: SnapshotStore
let clock: VirtualClock
let desk: PlanningDesk
let backends: { readonly backend?: string }[]

beforeEach(() => {
  backends = [{}]
  runtime = fakeRuntime()
  clock = new VirtualClock()
  store = new SnapshotStore({ stats: EMPTY_STATS, messages: [], modelState: 'ready' } as unknown as RoomSnapshot)
  desk = new PlanningDesk({
    room: { self, peers: new Map(), links: [] } as unknown as Room,
    runtime: runtime as unknown as Runtime,
    planning: planning as unknown as Planning,
    store,
    clock,
    downloadedBytes: () => 0,
    isAsking: () => false,
    self: () => ({ id: self, backends }) as unknown as DeviceProfile,
  })
})

describe('PlanningDesk', () => {
  it('keeps the model and the plan it had when another model cannot be installed', async () => {
    await desk.setModel(modelOf('good'))
    await expect(desk.setModel(modelOf('broken'))).rejects.toThrow('no session')
    expect(desk.model?.outline.digest).toBe('good')
    expect(store.snapshot.model?.name).toBe('good')
    expect(store.snapshot.plan).toMatchObject({ status: 'active', plan: { model: 'good' } })
  })

  it('has no model when the first one cannot be installed', async () => {
    await expect(desk.setModel(modelOf('broken'))).rejects.toThrow('no session')
    expect(desk.model).toBeUndefined()
    expect(store.snapshot.model).toBeUndefined()
  })

  it('gives up a model that is being installed when its signal aborts: nothing of it stays', async () => {
    const controller = new AbortController()
    const first = desk.setModel(modelOf('slow'), controller.signal)
    await Promise.resolve()
    controller.abort(new Error('enough'))
    await expect(first).rejects.toThrow('enough')
    expect([desk.model, store.snapshot.model, runtime.current]).toEqual([undefined, undefined, []])
    await desk.setModel(modelOf('good'))
    const again = new AbortController()
    const second = desk.setModel(modelOf('slow'), again.signal)
    await clock.advance(1)
    again.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    expect(desk.model?.outline.digest).toBe('good')
    await clock.advance(5_000)
    expect(store.snapshot).toMatchObject({
      model: { name: 'good' },
      plan: { status: 'active', plan: { model: 'good' } },
    })
    await expect(desk.setModel(modelOf('good'), again.signal)).rejects.toThrow('enough')
  })

  it('plans anew at once when a backend of this device is gone', async () => {
    await desk.setModel(modelOf('good'))
    await clock.advance(10_000)
    planning.automatically.mockClear()
    backends = [{ backend: 'ort-wasm' }]
    desk.changed(true)
    await clock.advance(1_000)
    expect(planning.automatically).toHaveBeenCalledTimes(1)
    expect(planning.automatically.mock.calls[0]?.[1]).toMatchObject({ devices: [{ id: self, backends }] })
  })

  it('has a plan once one is installed, and makes at once what it had put off when somebody asks', async () => {
    planning.observe.mockResolvedValue({ ratio: 2 })
    expect(desk.hasPlan).toBe(false)
    await desk.setModel(modelOf('good'))
    expect(desk.hasPlan).toBe(true)
    const lesson = { kind: 'exit', device: self, backend: 'ort-wasm', exit: 'exit1', ms: 5 } as const
    const learnFor = async (seconds: number) => {
      planning.automatically.mockClear()
      for (let second = 0; second < seconds; second++) {
        desk.measured(lesson)
        await clock.advance(1_000)
      }
      return planning.automatically.mock.calls.length
    }
    await learnFor(60)
    expect(await learnFor(4)).toBe(0)
    desk.asked()
    expect(await learnFor(4)).toBe(1)
    planning.observe.mockResolvedValue({ ratio: 1 })
  })

  it('draws no plan by hand while there is no model, instead of forgetting it', async () => {
    await expect(desk.byHand({ plan: [], exits: true })).rejects.toMatchObject({ reason: 'no-model' })
  })

  it('rejects whoever wants a plan when the device leaves, and afterwards', async () => {
    const loading = desk.setModel(modelOf('slow'))
    await Promise.resolve()
    desk.close()
    await expect(loading).rejects.toMatchObject({ name: 'RoomfulError', reason: 'left' })
    await expect(desk.automatically({})).rejects.toMatchObject({ reason: 'left' })
    await expect(desk.byHand({ plan: [], exits: true })).rejects.toMatchObject({ reason: 'left' })
  })

  it('names answers by the labels of the model that ran, not of the newest', async () => {
    await desk.setModel(modelOf('first'))
    const [old] = runtime.current
    const switching = desk.setModel(modelOf('second'))
    expect(desk.labelsOf(undefined)).toEqual(['label of first'])
    await switching
    expect(desk.labelsOf(undefined)).toEqual(['label of second'])
    expect(desk.labelsOf(planId(old?.planId ?? ''))).toEqual(['label of first'])
  })

  it('forgets what a device needs alone when the model changes', async () => {
    await desk.setModel(modelOf('first'))
    store.update({ stats: { ...EMPTY_STATS, aloneMs: 9 } })
    await desk.setModel(modelOf('second'))
    expect(store.snapshot.stats.aloneMs).toBeUndefined()
  })

  it('shows the old plan as active again when a plan drawn by hand cannot be prepared', async () => {
    await desk.setModel(modelOf('good'))
    runtime.refusesHands = true
    await expect(desk.byHand({ plan: [], exits: true })).rejects.toThrow('no session')
    expect(store.snapshot.plan).toMatchObject({ status: 'active', byHand: false })
  })

  it('refuses a second drawn plan that does not fit, and keeps the first', async () => {
    await desk.setModel(modelOf('good'))
    await desk.byHand({ plan: [], exits: true })
    planning.byHand.mockImplementationOnce(async () => {
      throw new Error('a device of the plan is not here')
    })
    await expect(desk.byHand({ plan: [], exits: false })).rejects.toThrow('not here')
    expect(store.snapshot.plan).toMatchObject({ status: 'active', byHand: true })
  })

  it('installs what practice has adopted as an automatic plan, and plans onwards from it', async () => {
    await desk.setModel(modelOf('good'))
    const learned = { ...chosen('good', 'learned'), words: ['Tab B alone', 'measured 12 % faster'] }
    await desk.adopt(learned, 0.7)
    expect(store.snapshot.plan).toMatchObject({ status: 'active', byHand: false, words: learned.words })
    expect(runtime.current[0]?.plan).toBe(learned.plan)
    planning.automatically.mockClear()
    await desk.setModel(modelOf('good'))
    expect(planning.automatically.mock.calls[0]?.slice(3)).toEqual([learned.plan, 0.7])
    // A measurement grows old.
    await desk.adopt(learned, 0.7)
    await clock.advance(300_001)
    planning.automatically.mockClear()
    await desk.setModel(modelOf('good'))
    expect(planning.automatically.mock.calls[0]?.slice(3)).toEqual([learned.plan, 1])
  })

  it('adopts nothing over a plan drawn by hand, nor for a model that has been replaced', async () => {
    await desk.setModel(modelOf('good'))
    await desk.byHand({ plan: [], exits: true })
    await desk.adopt(chosen('good', 'learned'))
    expect(store.snapshot.plan).toMatchObject({ byHand: true, plan: { trunk: 'hand' } })
    await desk.automatically({})
    expect(store.snapshot.plan).toMatchObject({ byHand: false, plan: { trunk: 't' } })
    await desk.setModel(modelOf('other'))
    await desk.adopt(chosen('good', 'learned'))
    expect(store.snapshot.plan).toMatchObject({ plan: { model: 'other', trunk: 't' } })
  })
})
