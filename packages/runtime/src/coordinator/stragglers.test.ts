import { deviceId, type RequestId, requestId, type Span, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import type { Attempt } from './attempt.ts'
import { Stragglers } from './stragglers.ts'

const [a, b] = [deviceId('a'), deviceId('b')]
const span: Span = { device: b, kind: 'compute', startMs: 0, endMs: 1 }

function attemptOf(id: RequestId, open: Set<typeof a>): Attempt {
  const attempt = {
    id,
    get openDevices() {
      return [...open]
    },
    isOpen: (device: typeof a) => open.has(device),
  }
  return attempt as unknown as Attempt
}

describe('stragglers', () => {
  it('completes when every stage has reported, once', async () => {
    const clock = new VirtualClock()
    const stragglers = new Stragglers(clock)
    const open = new Set([a, b])
    const told: string[] = []
    const report = (from: typeof a) => {
      told.push(from)
      open.delete(from)
    }
    const id = requestId('r')
    stragglers.wait(attemptOf(id, open), report, () => told.push('complete'))
    stragglers.onSpans(id, b, [span])
    stragglers.onSpans(id, b, [span])
    stragglers.onSpans(requestId('other'), a, [span])
    stragglers.onSpans(id, a, [span])
    await clock.advance(5_000)
    expect(told).toEqual(['b', 'a', 'complete'])
    expect([stragglers.size, clock.pending]).toEqual([0, 0])
  })

  it('takes the trace as it is after a second, and the oldest when there are many', async () => {
    const clock = new VirtualClock()
    const stragglers = new Stragglers(clock)
    const told: number[] = []
    for (let i = 0; i < 70; i++) {
      stragglers.wait(
        attemptOf(requestId(`r${i}`), new Set([a])),
        () => {},
        () => told.push(i),
      )
    }
    expect(told).toEqual([0, 1, 2, 3, 4, 5])
    await clock.advance(1_000)
    expect(told).toHaveLength(70)
    expect(clock.pending).toBe(0)
  })
})
