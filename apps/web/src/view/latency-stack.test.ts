import { type DeviceId, deviceId, requestId, type Span, type Trace } from 'roomful'
import { describe, expect, it } from 'vitest'
import { computingDevices, stackByPart } from './latency-stack.ts'

const a = deviceId('a')
const b = deviceId('b')
const span = (device: DeviceId, kind: Span['kind'], startMs: number, endMs: number): Span => ({
  device,
  kind,
  startMs,
  endMs,
})
const trace = (totalMs: number, ...spans: Span[]): Trace => ({
  request: requestId('a:r1'),
  method: 'auto',
  source: 'computed',
  exit: 'final',
  totalMs,
  spans,
})
const parts = [
  { kinds: ['compute' as const], device: a },
  { kinds: ['compute' as const], device: b },
  { kinds: ['wait' as const] },
]

describe('stackByPart', () => {
  it('counts the compute of each device for itself, and unexplained time as waiting', () => {
    const stack = stackByPart([trace(20, span(a, 'compute', 0, 5), span(b, 'compute', 6, 16))], parts)
    expect(stack).toEqual([[5], [15], [20]])
  })
  it('never stacks higher than the request took', () => {
    const stack = stackByPart([trace(10, span(a, 'compute', 0, 10), span(b, 'compute', 0, 10))], parts)
    expect(stack).toEqual([[5], [10], [10]])
  })
})

describe('computingDevices', () => {
  it('names who computed, each once', () => {
    const traces = [trace(9, span(b, 'compute', 0, 5), span(a, 'transfer', 5, 6)), trace(9, span(b, 'exit', 0, 1))]
    expect(computingDevices(traces)).toEqual([b])
  })
})
