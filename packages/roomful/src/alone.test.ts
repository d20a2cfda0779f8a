import { sleep, VirtualClock } from '@roomful/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type AloneOptions, measureAlone } from './alone.ts'
import type { RoomSnapshot } from './snapshot.ts'
import { SnapshotStore } from './view/store.ts'

const RUN_MS = 6_000
/** Whether it is time to measure is looked at so often. */
const LOOK_MS = 2_000
const stop = new AbortController()

/** A device that has asked something, and computes a picture alone in six seconds. */
function slowDevice() {
  const clock = new VirtualClock()
  const store = new SnapshotStore({ stats: { answered: 1 } } as RoomSnapshot)
  const asking = { busy: false, idle: vi.fn(async (_quietMs: number) => {}) }
  const worker = { foreign: 0 }
  const aborted: number[] = []
  const infer = vi.fn(async (_: unknown, { signal }: { signal?: AbortSignal }) => {
    signal?.addEventListener('abort', () => aborted.push(clock.now()), { once: true })
    await sleep(clock, RUN_MS, signal)
    return { trace: { totalMs: RUN_MS } }
  })
  const retire = vi.fn()
  const runtime = { counts: { worker }, prepare: async () => ({ planId: 'alone' }), infer, retire }
  const model = { pack: { manifest: { input: { width: 2, height: 2 } } } }
  const desk = { model, planAlone: async () => ({}) }
  const signal = stop.signal
  const options = { runtime, asking, desk, store, clock, signal, self: () => ({}) } as unknown as AloneOptions
  measureAlone(options).catch(() => {})
  return { clock, store, asking, worker, infer, retire, aborted }
}

describe('a device that measures itself alone', () => {
  afterEach(() => vi.restoreAllMocks())

  it('tells the median of three runs', async () => {
    const { clock, store, infer, retire } = slowDevice()
    await clock.advance(LOOK_MS + 3 * RUN_MS + 100)
    expect(store.snapshot.stats.aloneMs).toBe(RUN_MS)
    expect(infer).toHaveBeenCalledTimes(3)
    expect(retire).toHaveBeenCalledOnce()
  })

  it('begins within two seconds of the first answer', async () => {
    const { clock, store, infer } = slowDevice()
    store.update({ stats: { ...store.snapshot.stats, answered: 0 } })
    await clock.advance(60_500)
    expect(infer).not.toHaveBeenCalled()
    store.update({ stats: { ...store.snapshot.stats, answered: 1 } })
    await clock.advance(LOOK_MS)
    expect(infer).toHaveBeenCalledOnce()
  })

  it('measures again after ten minutes, when nobody has asked for ten seconds', async () => {
    const { clock, asking, infer } = slowDevice()
    await clock.advance(5 * 60_000)
    expect(infer).toHaveBeenCalledTimes(3)
    await clock.advance(6 * 60_000)
    expect(infer).toHaveBeenCalledTimes(6)
    expect(asking.idle.mock.calls.map(([quietMs]) => quietMs)).toEqual([700, 10_000])
  })

  it.each(['another device', 'its own person'])('stops within 100 ms when %s asks, and tells nothing', async (who) => {
    const { clock, store, asking, worker, infer, retire, aborted } = slowDevice()
    await clock.advance(LOOK_MS + 1_300)
    if (who === 'another device') worker.foreign = 1
    else asking.busy = true
    const askedMs = clock.now()
    await clock.advance(1_000)
    expect(aborted).toHaveLength(1)
    expect((aborted[0] ?? 0) - askedMs).toBeLessThanOrEqual(100)
    expect([infer.mock.calls.length, retire.mock.calls.length]).toEqual([1, 1])
    expect(store.snapshot.stats.aloneMs).toBeUndefined()
  })
})
