import { expect, it } from 'vitest'
import { chromeTraceOf } from './chrome-trace.ts'
import { deviceId, requestId } from './ids.ts'
import type { Trace } from './trace.ts'

const phone = deviceId('phone')
const trace: Trace = {
  request: requestId('r1'),
  method: 'offload',
  source: 'computed',
  exit: 'final',
  totalMs: 10,
  spans: [
    { device: phone, kind: 'encode', startMs: 0, endMs: 2, volume: 0 },
    { device: phone, kind: 'transfer', startMs: 2, endMs: 4, volume: 0, bytes: 700, to: deviceId('laptop') },
    { device: deviceId('laptop'), kind: 'compute', startMs: 4, endMs: 9, volume: 0 },
  ],
}

it('puts requests after each other, a process a device, transfers on a line of their own', () => {
  const { traceEvents } = chromeTraceOf([{ trace }, { label: 'again', trace }], (device) => `the ${device}`)
  const names = traceEvents.filter(({ ph }) => ph === 'M').map(({ args }) => args?.['name'])
  expect(names).toEqual(['requests', 'the phone', 'the laptop'])
  const whole = traceEvents.filter(({ cat }) => cat === 'request')
  expect(whole.map(({ name, ts, dur }) => [name, ts, dur])).toEqual([
    ['offload', 0, 10_000],
    ['again', 11_000, 10_000],
  ])
  const transfers = traceEvents.filter(({ cat }) => cat === 'transfer')
  expect(transfers.map(({ tid, ts, args }) => [tid, ts, args?.['bytes']])).toEqual([
    [2, 2_000, 700],
    [2, 13_000, 700],
  ])
})
