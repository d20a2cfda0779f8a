import { describe, expect, it } from 'vitest'
import { cancelRow, delayRow } from './rows.ts'
import { exitsSummary } from './summary.ts'

describe('the figures of exits', () => {
  const runs = Array.from({ length: 100 }, (_, i) => ({
    aloneMs: 20 + i,
    variantsMs: [(20 + i) * 1.04, (20 + i) * 1.2],
    control: { aloneMs: 10 + i, besideMs: [(10 + i) * 1.03], cutMs: [(10 + i) * 1.01] },
  }))
  const own = delayRow({ exits: ['exit1'], processors: 'own' }, 0, runs, 0.1)
  const shared = delayRow({ exits: ['exit1'], processors: 'shared' }, 1, runs, 0.1)

  it('compare each request with the one of the same round', () => {
    expect(own.ratio).toBeCloseTo(1.04, 12)
    expect(own.ratioInterval.map((value) => Number(value.toFixed(6)))).toEqual([1.04, 1.04])
  })

  it('tell the machine and the cutting from what Roomful adds', () => {
    expect([own.machineRatio, own.cutRatio, own.added]).toEqual([1.03, 1.01, 0.01].map((x) => expect.closeTo(x, 12)))
    expect(shared.machineRatio).toBeUndefined()
  })

  it('grant exits their work only where they take the trunk their processor', () => {
    expect([own.bound, own.ok]).toEqual([1.05, true])
    expect(shared.bound).toBeCloseTo(1.15, 12)
    expect(shared.ok).toBe(false)
  })

  it('tell the longest segment and how soon the Worker was free', () => {
    const freeAfterMs = Array.from({ length: 100 }, (_, i) => i + 1)
    const row = cancelRow('net', { wholeMs: 40, segmentsMs: [18, 21, 1], freeAfterMs })
    expect(row).toMatchObject({
      segments: 3,
      longestSegmentMs: 21,
      ok: false,
      freeAfterMs: { median: 50, p95: 95, max: 100 },
    })
    const summary = exitsSummary({
      delay: [own, shared],
      cancel: [row],
      skipped: [],
      device: { gmacsPerSecond: 1, overheadMs: 0 },
    })
    expect(summary).toMatchObject({ longestSegmentMs: 21, freeAfterMs: { median: 50, p95: 95 }, ok: false })
    expect(summary.sharedProcessor.ratio).toBeCloseTo(1.2, 12)
  })
})
