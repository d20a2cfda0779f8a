import { type DeviceProfile, deviceId, type LinkProfile, type Topology } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { worthReplanning } from './planning-room.ts'

const a = deviceId('a')
const b = deviceId('b')
const device = (id: typeof a, change: Partial<DeviceProfile> = {}): DeviceProfile => ({
  id,
  name: id,
  protocol: 1,
  role: 'worker',
  backends: [{ backend: 'ort-wasm', threads: 1, gmacsPerSecond: 4, overheadMs: 1 }],
  models: [],
  memoryMb: 1000,
  storage: { quotaMb: 1, writeMbPerSecond: 1, readMbPerSecond: 1 },
  lending: true,
  visible: true,
  load: 0,
  ...change,
})
const room = (change: Partial<DeviceProfile> = {}, link: Partial<LinkProfile> = {}): Topology => ({
  initiator: a,
  devices: [device(a), device(b, change)],
  links: [{ a, b, rttMs: 4, mbitPerSecond: 100, ...link }],
})

describe('worthReplanning', () => {
  it('ignores what measuring noise does', () => {
    expect(worthReplanning(room(), room({ load: 0.1 }, { rttMs: 4.4, mbitPerSecond: 90 }))).toBe(false)
  })
  it('sees a join, a leave and a refused loan', () => {
    expect(worthReplanning({ ...room(), devices: [device(a)] }, room())).toBe(true)
    expect(worthReplanning(room(), room({ lending: false }))).toBe(true)
  })
  it('sees a link that became slow and a device that became busy or slow', () => {
    expect(worthReplanning(room(), room({}, { mbitPerSecond: 20 }))).toBe(true)
    expect(worthReplanning(room(), room({ load: 0.6 }))).toBe(true)
  })
})
