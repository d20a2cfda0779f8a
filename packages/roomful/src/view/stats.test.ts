import { requestId } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import type { RequestView } from '../snapshot.ts'
import { EMPTY_STATS, percentile, statsWith, withRequest, withTrace } from './stats.ts'

const request = (totalMs: number, more: Partial<RequestView['trace']> = {}): RequestView => ({
  trace: { request: requestId('r'), method: 'local', source: 'computed', exit: 'final', totalMs, spans: [], ...more },
  endedAt: 0,
})

describe('statsWith', () => {
  it('counts exits of computed answers and the source of every answer', () => {
    let requests: readonly RequestView[] = []
    let stats = EMPTY_STATS
    for (const each of [request(10), request(20, { exit: 'exit1' }), request(1, { source: 'room-cache' })]) {
      requests = withRequest(requests, each)
      stats = statsWith(stats, each, requests)
    }
    expect(stats).toMatchObject({
      answered: 3,
      p50Ms: 10,
      byExit: { final: 1, exit1: 1 },
      bySource: { computed: 2, 'room-cache': 1, 'own-cache': 0 },
    })
  })

  it('keeps the last hundred requests', () => {
    let requests: readonly RequestView[] = []
    for (let i = 0; i < 130; i++) requests = withRequest(requests, request(i))
    expect(requests).toHaveLength(100)
    expect(requests[0]?.trace.totalMs).toBe(30)
  })
})

describe('withTrace', () => {
  it('tells the story of an answered request anew and leaves what the person waited', () => {
    const requests = [request(10), { ...request(20), trace: { ...request(20).trace, request: requestId('late') } }]
    const late = { ...request(35).trace, request: requestId('late'), exit: 'exit1' as never }
    const told = withTrace(requests, late)
    expect(told[1]?.trace).toMatchObject({ exit: 'exit1', totalMs: 20 })
    expect(told[0]).toBe(requests[0])
    expect(withTrace(requests, { ...late, request: requestId('unknown') })).toBe(requests)
  })
})

describe('percentile', () => {
  it('is the nearest rank', () => {
    expect(percentile([1, 2, 3, 4], 0.5)).toBe(2)
    expect(percentile([1, 2, 3, 4], 0.95)).toBe(4)
    expect(percentile([], 0.5)).toBe(0)
  })
})
