import { describe, expect, it } from 'vitest'
import { blockMeans, type MeasuredBlock, ratioOfBlocks } from './block-means.ts'
import type { LoopSample, TimedSample } from './closed-loop.ts'
import { endsOf } from './playing.ts'
import { roomPlot } from './plot.ts'
import type { RoomRow } from './rows.ts'
import { againstBest, summaryOf } from './summary.ts'
import { throughputOf } from './throughput.ts'

const row = (method: string, change: Partial<RoomRow> = {}): RoomRow => ({
  method,
  model: 'net',
  meanMs: 10,
  ciMs: [8, 12],
  p95Ms: 14,
  ratioToLocal: 1,
  ratioToLocalCi: null,
  ratioToLimit: 1.25,
  limitMs: 8,
  predictedMs: 9,
  predictedUnaskedMs: 9,
  predictedAtMeanSpeedMs: null,
  top1: null,
  bytes: 0,
  requests: 3,
  failed: 0,
  recovered: 0,
  blocks: 3,
  exits: { final: 1 },
  hits: 0,
  devices: ['phone'],
  ...change,
})

const block = (method: string, number: number, times: readonly number[]): MeasuredBlock => ({
  method,
  block: number,
  samples: times.map((ms): LoopSample => ({ picture: 0, ms, label: 1, bytes: 0 })),
})

describe('the best rival', () => {
  it('is picked on other samples than those it is compared on', () => {
    // The lucky one is fast only in the samples that choose.
    const blocks = [0, 1, 2].flatMap((number) => [
      block('auto', number, [20, 20, 20, 20]),
      block('lucky', number, [40, 1, 40, 1]),
      block('steady', number, [20, 20, 20, 20]),
    ])
    const found = againstBest('auto', [row('auto'), row('lucky'), row('steady')], blocks)
    expect(found).toMatchObject({ rival: 'lucky', ratio: expect.closeTo(0.5, 6) })
  })

  it('is one of the others even when both made the same plan', () => {
    const blocks = [block('offload', 0, [10, 10]), block('local', 0, [30, 30])]
    const rows = [row('local'), row('offload'), row('auto', { sameAs: 'offload' })]
    expect(againstBest('auto', rows, blocks)).toEqual({ method: 'auto', rival: 'offload', ratio: 1, ci: null })
    expect(againstBest('auto', [row('auto')], blocks)).toBeUndefined()
  })

  it('is named with the libraries alone and without them', () => {
    const blocks = [block('tfjs', 0, [10, 10]), block('local', 0, [16, 16]), block('auto', 0, [20, 20])]
    const found = summaryOf([row('tfjs'), row('local'), row('auto')], blocks)
    expect(found.autoAgainstBest).toMatchObject({ rival: 'tfjs', ratio: expect.closeTo(2, 6) })
    expect(found.autoAgainstPlans).toMatchObject({ rival: 'local', ratio: expect.closeTo(1.25, 6) })
  })
})

it('counts how requests ended under events', () => {
  const sample = (change: Partial<TimedSample>): TimedSample => ({
    picture: 0,
    atMs: 0,
    ms: 100,
    bytes: 0,
    label: 1,
    exit: 'final',
    typed: true,
    ...change,
  })
  const { label: _, ...unanswered } = sample({})
  const ends = endsOf(
    [
      sample({}),
      sample({ exit: 'exit1', label: 2, recovered: 'lost' }),
      sample({ label: 7 }),
      { ...unanswered, failed: 'deadline' },
      { ...unanswered, failed: 'TypeError', typed: false },
      sample({ ms: 9_000 }),
    ],
    (_picture, exit) => (exit === 'exit1' ? 2 : 1),
  )
  expect(ends).toMatchObject({ requests: 6, right: 2, differing: 1, failed: { deadline: 1 }, broken: 2, recovered: 1 })
})

it('compares streams with the best device and with all of them', () => {
  const stream = (method: string, on: string, framesPerSecond: number) => ({
    method,
    on,
    framesPerSecond,
    frames: 10,
    failed: 0,
    window: 2,
    devices: [on],
  })
  const { ratioToBestSingle, shareOfSum, withoutExits } = throughputOf([
    stream('local', 'phone', 2),
    stream('local', 'laptop', 8),
    stream('pipeline', 'phone', 6),
    stream('pipeline+exits', 'phone', 9),
  ])
  expect(ratioToBestSingle).toBeCloseTo(9 / 8)
  expect(shareOfSum).toBeCloseTo(0.9)
  expect(withoutExits.ratioToBestSingle).toBeCloseTo(6 / 8)
  expect(throughputOf([stream('local', 'phone', 2)]).ratioToBestSingle).toBeNull()
})

it('draws a bar, an interval and a limit for every method', () => {
  const svg = roomPlot('a & b', [row('local'), row('auto', { ciMs: null, limitMs: null, meanMs: 90 })])
  expect(svg.match(/<rect /g)).toHaveLength(2)
  expect(svg.match(/class="whisker"/g)).toHaveLength(1)
  expect(svg.match(/class="limit"/g)).toHaveLength(1)
  expect(svg).toContain('a &amp; b')
  expect(svg).not.toContain('NaN')
})

describe('a method that ended early', () => {
  const blocks = [
    block('local', 0, [100, 100]),
    block('local', 1, [200, 200]),
    block('local', 2, [400, 400]),
    block('auto', 1, [50, 50]),
  ]

  it('is compared in the blocks in which it ran, not with the first ones', () => {
    expect(ratioOfBlocks(blockMeans(blocks, 'auto'), blockMeans(blocks, 'local'))).toEqual({ ratio: 0.25, ci: null })
    expect(againstBest('auto', [row('local'), row('auto')], blocks)).toMatchObject({ rival: 'local', ratio: 0.25 })
  })

  it('is judged as a rival by the blocks that it had, be they slower ones or not', () => {
    const drifting = [
      block('auto', 0, [100, 100]),
      block('auto', 1, [10, 10]),
      block('offload', 0, [150, 150]),
      block('offload', 1, [15, 15]),
      block('coedge', 0, [110, 110]),
    ]
    const rows = [row('offload'), row('coedge'), row('auto')]
    // Its mean is the greater one only because it was not there when the machine was fast.
    expect(againstBest('auto', rows, drifting)).toMatchObject({ rival: 'coedge', ratio: expect.closeTo(100 / 110, 6) })
  })

  it('has no ratio to what was never measured beside it', () => {
    expect(ratioOfBlocks(blockMeans(blocks, 'auto'), blockMeans(blocks.slice(0, 1), 'local'))).toBeUndefined()
    const { label: _, ...failed } = { picture: 0, ms: 9, label: 1, bytes: 0, failed: 'deadline' }
    expect(blockMeans([{ method: 'auto', block: 0, samples: [failed] }], 'auto').size).toBe(0)
  })
})

it('an answer after the deadline is broken, a typed error a moment after it is not', () => {
  const late = { picture: 0, atMs: 0, ms: 5_100, bytes: 0, typed: true }
  const ends = endsOf(
    [
      { ...late, label: 1 },
      { ...late, failed: 'deadline' },
    ],
    () => 1,
  )
  expect(ends).toMatchObject({ right: 0, broken: 1, failed: { deadline: 1 } })
})
