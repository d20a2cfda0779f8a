import 'fake-indexeddb/auto'
import { type DeviceId, deviceId, VirtualClock } from '@roomful/core'
import { expect, it, vi } from 'vitest'
import { LearningKeeper } from './learning-keeper.ts'
import type { OwnLearning } from './own-learning.ts'
import { openSettings } from './settings.ts'

const learnedWith = (factor: number): OwnLearning => ({
  version: 1,
  backends: { 'ort-wasm': { speed: '{}', factor, loaded: [{ utilisation: 0.5, idleMs: 10, ms: 13 }] } },
})

/** Storage answers on real timers; what is waited for on the virtual clock is over when it has answered. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20))

function keeping(learned: () => Promise<OwnLearning | undefined>) {
  const settings = openSettings()
  const clock = new VirtualClock()
  const write = vi.spyOn(settings, 'write')
  const recall = vi.fn(async (_self: DeviceId, _learned: OwnLearning) => {})
  const keeper = new LearningKeeper({ settings, clock, planning: { learned, recall }, self: deviceId('self') })
  return { keeper, clock, write, recall }
}

it('keeps what was learned for the next visit', async () => {
  const { keeper, clock, recall } = keeping(async () => learnedWith(1.5))
  await keeper.recall()
  expect(recall).not.toHaveBeenCalled()
  keeper.changed()
  await clock.advance(30_000)
  await settle()
  const next = keeping(async () => undefined)
  await next.keeper.recall()
  expect(next.recall).toHaveBeenCalledWith('self', learnedWith(1.5))
})

it('writes once in half a minute however much is learned, and not what is kept already', async () => {
  let factor = 1
  const { keeper, clock, write } = keeping(async () => learnedWith(factor))
  for (let second = 0; second < 60; second++) {
    factor = 1 + second / 100
    keeper.changed()
    await clock.advance(1_000)
  }
  await settle()
  expect(write.mock.calls.length).toBeLessThanOrEqual(2)
  const before = write.mock.calls.length
  await clock.advance(30_000)
  await settle()
  const written = write.mock.calls.length
  expect(written).toBeLessThanOrEqual(before + 1)
  keeper.changed()
  await clock.advance(60_000)
  await settle()
  expect(write).toHaveBeenCalledTimes(written)
})

it('begins anew on a record that is broken or of another version, and other settings stay', async () => {
  const settings = openSettings()
  for (const broken of [
    { version: 9, backends: {} },
    'x',
    { version: 1, backends: { 'ort-wasm': { factor: 'fast' } } },
  ]) {
    await settings.write({ learned: broken, name: 'Kitchen' })
    const { keeper, clock, recall } = keeping(async () => learnedWith(2))
    await keeper.recall()
    expect(recall).not.toHaveBeenCalled()
    keeper.changed()
    await clock.advance(30_000)
    await settle()
    expect(await openSettings().read()).toMatchObject({ name: 'Kitchen', learned: learnedWith(2) })
  }
})

it('loses a lesson and nothing else when planning or storage fail, and keeps nothing after the end', async () => {
  let fails = true
  const { keeper, clock, write } = keeping(async () => {
    if (fails) throw new Error('the planning worker was lost')
    return learnedWith(3)
  })
  keeper.changed()
  await clock.advance(30_000)
  await settle()
  expect(write).not.toHaveBeenCalled()
  fails = false
  keeper.changed()
  keeper.close()
  keeper.changed()
  await clock.advance(60_000)
  await settle()
  expect(write).not.toHaveBeenCalled()
})
