import { memorySource } from '@roomful/model'
import { expect, it } from 'vitest'
import { DownloadMeter } from './download-meter.ts'

it('counts the weights of every source, and not the small files beside them', async () => {
  const told: number[] = []
  const meter = new DownloadMeter((bytes) => told.push(bytes))
  const files = { 'model.json': new Uint8Array(50), 'weights.bin': Uint8Array.of(1, 2, 3, 4, 5, 6) }
  const one = meter.count(memorySource(files))
  const other = meter.count(memorySource(files))
  expect(await one.read('model.json', 100)).toHaveLength(50)
  expect([...(await one.chunks('weights.bin', 6).read({ start: 1, end: 4 }))]).toEqual([2, 3, 4])
  await other.chunks('weights.bin', 6).read({ start: 0, end: 6 })
  expect(told).toEqual([3, 9])
  expect(meter.bytes).toBe(9)
})
