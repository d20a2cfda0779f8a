import { expect, test } from '../rig/fixture.ts'
import { generatedPicture } from '../rig/pictures.ts'

test('a picture seen once is answered from the cache, on this device and on another one', async ({ rig }) => {
  const [first, second] = await rig.join({ name: 'First' }, { name: 'Second' })
  if (first === undefined || second === undefined) throw new Error('no devices')
  const pictures = [20, 21, 22, 23].map((seed) => generatedPicture(seed))
  const labels: (string | undefined)[] = []
  for (const picture of pictures) {
    const computed = await first.infer(picture)
    expect(computed.trace.source).toBe('computed')
    labels.push(computed.answer?.label)
  }
  const again = await first.infer(pictures[0] ?? generatedPicture(20))
  expect(again.trace.source).toBe('own-cache')
  expect(again.answer?.label).toBe(labels[0])

  // The index is gossiped in a slow rhythm, and one in twenty foreign answers is computed all the same.
  await second.page.waitForTimeout(5_000)
  const sources: string[] = []
  for (const [index, picture] of pictures.entries()) {
    const { answer, trace } = await second.infer(picture)
    expect(answer?.label).toBe(labels[index])
    sources.push(trace.source)
  }
  expect(sources.filter((source) => source === 'room-cache').length).toBeGreaterThanOrEqual(2)

  expect((await second.infer(generatedPicture(12))).trace.source).toBe('computed')
})

test('a reload keeps what the device has computed', async ({ rig }) => {
  const device = await rig.open({ name: 'Phone' })
  await device.ready(0)
  const computed = await device.infer(generatedPicture(13))
  await device.until('the entry is stored', () => true)
  await device.page.waitForTimeout(500)
  await device.page.reload()
  await device.page.waitForFunction(() => globalThis.roomful !== undefined)
  await device.ready(0)
  const again = await device.infer(generatedPicture(13))
  expect(again.trace.source).toBe('own-cache')
  expect(again.answer?.label).toBe(computed.answer?.label)
})
