import { deviceId, requestId, type Trace } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { medianTraces, type RequestTrace, roomTrace, traceChoice } from './traces.ts'

const trace = (totalMs: number): Trace => ({
  request: requestId(`r${totalMs}`),
  method: 'auto',
  source: 'computed',
  exit: 'final',
  totalMs,
  spans: [{ device: deviceId('d1'), kind: 'compute', startMs: 0, endMs: totalMs }],
})

const traces: RequestTrace[] = [
  { method: 'auto', block: 0, request: 0, trace: trace(90) },
  { method: 'auto', block: 1, request: 0, trace: trace(30) },
  { method: 'auto', block: 1, request: 2, trace: trace(10) },
  { method: 'auto', block: 1, request: 3, trace: trace(20) },
  { method: 'local', block: 0, request: 0, trace: trace(50) },
]
const run = { scenario: 'room', requestTraces: traces, names: { d1: 'phone' } }
const labels = (text: string) =>
  roomTrace([run], traceChoice(text))
    .traceEvents.filter(({ cat }) => cat === 'request')
    .map(({ name }) => name)

describe('Chrome traces of a run', () => {
  it('show of each method the request of median length in its last block', () => {
    expect(Object.entries(medianTraces(traces)).map(([method, { totalMs }]) => [method, totalMs])).toEqual([
      ['auto', 20],
      ['local', 50],
    ])
    expect(labels('median')).toEqual(['room auto', 'room local'])
  })

  it('show any request by its numbers, the slowest of each method, or all', () => {
    expect(labels('auto:1:2')).toEqual(['room auto:1:2'])
    expect(labels('slowest')).toEqual(['room auto:0:0', 'room local:0:0'])
    expect(labels('all')).toHaveLength(5)
    expect(labels('auto:7:0')).toEqual([])
    expect(traceChoice('auto+exits+cache:0:12')).toEqual({ method: 'auto+exits+cache', block: 0, request: 12 })
    expect(traceChoice('auto')).toBeUndefined()
  })
})
