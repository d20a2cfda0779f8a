import { describe, expect, it } from 'vitest'
import { median, type Row, summarise } from './summary.ts'

const row = (contender: string, goodputMBps: number, echoMs: number, repetition = 0): Row => ({
  contender,
  delayMs: 0,
  bytes: 4096,
  repetition,
  goodputMBps,
  echoMs,
})

describe('transport summary', () => {
  it('compares medians with the better raw channel, figure by figure', () => {
    const rows = [
      ...[9, 10, 30].map((rate, i) => row('roomful', rate, 1.1, i)),
      ...[5, 8, 9].map((rate, i) => row('raw-16', rate, 1, i)),
      ...[10, 12.5, 13].map((rate, i) => row('raw-64', rate, 2, i)),
      row('peerjs', 4, 2.2),
    ]
    const summary = summarise(rows)['0']
    expect(summary?.goodputRatioToRaw['4096']).toBeCloseTo(10 / 12.5)
    expect(summary?.echoRatioToRaw['4096']).toBeCloseTo(1.1)
    expect(summary?.goodputRatioToPeerJS['4096']).toBeCloseTo(2.5)
    expect(summary?.echoRatioToPeerJS['4096']).toBeCloseTo(0.5)
  })

  it('takes the middle of two for an even number', () => {
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
  })
})
