import { deviceId, VirtualClock } from '@roomful/core'
import { expect, it, vi } from 'vitest'
import { RecentPictures } from './recent-pictures.ts'

const size = { width: 2, height: 2 }
const [a, b, c] = [deviceId('a'), deviceId('b'), deviceId('c')]
const shade = (value: number) => ({
  width: 4,
  height: 4,
  data: new Uint8ClampedArray(64).map((_, at) => (at % 4 === 3 ? 255 : value)),
})

it('keeps the last three at the size of the model, none sooner than five seconds after another', async () => {
  const clock = new VirtualClock()
  const pictures = new RecentPictures(clock)
  const asked = vi.fn(() => [a])
  for (let second = 0; second < 20; second++) {
    pictures.keep(shade(second), size, asked)
    await clock.advance(1_000)
  }
  expect(asked).toHaveBeenCalledTimes(4)
  const kept = pictures.among([a])
  expect(kept.map(({ data }) => data[0])).toEqual([5, 10, 15])
  for (const { width, height, data } of kept) {
    expect([width, height, data.length]).toEqual([2, 2, 16])
    expect([data[3], data[15]]).toEqual([255, 255])
  }
})

it('shows a picture to nobody who was not there when it was asked about', async () => {
  const clock = new VirtualClock()
  const pictures = new RecentPictures(clock)
  pictures.keep(shade(1), size, () => [a, b])
  await clock.advance(5_000)
  pictures.keep(shade(2), size, () => [a, b, c])
  const shades = (...devices: (typeof a)[]) => pictures.among(devices).map(({ data }) => data[0])
  expect(shades(a, b)).toEqual([1, 2])
  expect(shades(a, b, c)).toEqual([2])
  expect(shades(deviceId('stranger'))).toEqual([])
})

it('gives copies, and forgets after five minutes', async () => {
  const clock = new VirtualClock()
  const pictures = new RecentPictures(clock)
  const shown = shade(7)
  pictures.keep(shown, size, () => [a])
  shown.data.fill(0)
  pictures.among([a])[0]?.data.fill(0)
  expect(pictures.among([a])[0]?.data[0]).toBe(7)
  await clock.advance(300_001)
  expect(pictures.among([a])).toEqual([])
})

it('ignores what is no picture', () => {
  const pictures = new RecentPictures(new VirtualClock())
  pictures.keep({ width: 3, height: 3, data: new Uint8ClampedArray(4) }, size, () => [a])
  pictures.keep({ width: 0, height: 0, data: new Uint8ClampedArray(0) }, size, () => [a])
  expect(pictures.among([a])).toEqual([])
})
