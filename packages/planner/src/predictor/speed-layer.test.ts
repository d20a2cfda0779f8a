import { type BackendSpeed, deviceId } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { readRoom } from '../room-file.ts'
import { RoomPredictor } from './predictor.ts'
import { predictedSpeed } from './speed-layer.ts'
import { costsOfSpeed, WORK_FEATURES, workStart } from './work.ts'

const speedTest: BackendSpeed = { backend: 'ort-wasm', gmacsPerSecond: 1.29, overheadMs: 1, threads: 1 }
/** Fitted costs of a convolution as for so many GMAC/s. */
const fittedFor = (gmacs: number): BackendSpeed => {
  const start = workStart('conv')
  const perMac = costsOfSpeed(gmacs)[start] ?? 0
  return { ...speedTest, coefficients: { conv: WORK_FEATURES.conv.map((_, i) => (i === 0 ? perMac * 1e9 : 0)) } }
}

describe('the speed of a device', () => {
  it("is the speed test's as long as nothing was fitted", () => {
    expect(predictedSpeed(speedTest)).toBeCloseTo(1.29, 6)
  })

  it('is that of its fitted costs, whatever the speed test of a throttled processor said', () => {
    expect(predictedSpeed(fittedFor(0.46))).toBeCloseTo(0.46, 6)
  })

  it('counts for messages too, over the correction', () => {
    const { topology } = readRoom({
      initiator: 'phone',
      devices: [
        { id: 'phone', gmacsPerSecond: 1 },
        { id: 'laptop', gmacsPerSecond: 10 },
      ],
      links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 }],
    })
    const devices = topology.devices.map((device) =>
      device.id === 'phone' ? { ...device, backends: [fittedFor(0.5)] } : device,
    )
    const message = { delayMs: () => 9, workMs: () => 19 }
    const predictor = new RoomPredictor({ ...topology, devices }, { message, correction: () => 2 })
    expect(predictor.codec(deviceId('phone')).messageWorkMs(0)).toBeCloseTo(19 / 0.25, 6)
  })
})
