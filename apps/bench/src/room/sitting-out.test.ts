import { describe, expect, it } from 'vitest'
import type { MeasuredBlock } from './block-means.ts'
import type { LoopSample } from './closed-loop.ts'
import { QUICK } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import { expectedBlockMs, leftOut, nextBlock, sittingOut } from './sitting-out.ts'

const plan = { volumes: [] } as unknown as MethodPlan['plan']
const entry = (method: string, sameAs?: string): MethodPlan => ({
  method,
  plan,
  cache: false,
  ...(sameAs === undefined ? {} : { sameAs }),
})
const block = (method: string, times: readonly number[]): MeasuredBlock => ({
  method,
  block: 0,
  samples: times.map((ms): LoopSample => ({ picture: 0, ms, bytes: 0 })),
})
const PLANS = ['ort', 'tfjs', 'local', 'offload', 'coedge', 'strips', 'auto', 'auto+exits'].map((name) => entry(name))
const MEASURED = [
  block('ort', [600, 600]),
  block('tfjs', [700, 700]),
  block('local', [650, 650]),
  block('offload', [100, 100]),
  block('coedge', [150, 240]),
  block('strips', [100, 1700]),
  block('auto', [100, 900]),
  block('auto+exits', [80, 80]),
]
const turns = (plans: readonly MethodPlan[]) => new Map(plans.map(({ method }) => [method, 4_000]))
const OPTIONS = { plans: PLANS, measured: MEASURED, turnMs: turns(PLANS), remainingMs: 60_000, above: 2.5 }

describe('who is measured in the next block', () => {
  it('are those near the best rival, the room’s own methods and what ratios are taken to', () => {
    const { goOn, leave } = nextBlock(OPTIONS)
    // By every second request, those that also choose the rival: strips was as fast as offload in the other half.
    expect(goOn).toEqual(['ort', 'offload', 'coedge', 'auto', 'auto+exits'])
    expect(leave.map(({ method }) => method)).toEqual(['strips', 'tfjs', 'local'])
    expect(leave.every(({ forTime }) => !forTime)).toBe(true)
  })

  it('are fewer where the time is short, the slowest rival first, and never without the best one', () => {
    const { goOn, leave } = nextBlock({ ...OPTIONS, remainingMs: 16_000 })
    expect(goOn).toEqual(['ort', 'offload', 'auto', 'auto+exits'])
    expect(leave.at(-1)).toEqual({ method: 'coedge', times: 2.4, forTime: true })
    expect(nextBlock({ ...OPTIONS, remainingMs: 15_000 })).toEqual({ goOn: [], leave: [] })
    const cached = [...PLANS, entry('auto+exits+cache')]
    const own = { plans: cached, measured: [...MEASURED, block('auto+exits+cache', [50, 50])], turnMs: turns(cached) }
    expect(nextBlock({ ...OPTIONS, ...own, remainingMs: 16_000 }).goOn).toEqual([
      'ort',
      'offload',
      'auto',
      'auto+exits',
    ])
    const best = [...MEASURED.filter(({ method }) => method !== 'coedge'), block('coedge', [90, 90])]
    expect(nextBlock({ ...OPTIONS, measured: best, remainingMs: 20_000 }).goOn).toContain('coedge')
    expect(nextBlock({ ...OPTIONS, measured: best, remainingMs: 16_000 }).goOn).toEqual([
      'ort',
      'coedge',
      'auto',
      'auto+exits',
    ])
  })

  it('keep offloading where it is the plan of `auto`, however short the time is', () => {
    const plans = PLANS.map((one) => (one.method === 'auto' ? entry('auto', 'offload') : one))
    const turnMs = turns(plans.filter(({ sameAs }) => sameAs === undefined))
    const best = [...MEASURED.filter(({ method }) => method !== 'coedge'), block('coedge', [90, 90])]
    const choice = { ...OPTIONS, plans, turnMs, measured: best }
    expect(nextBlock({ ...choice, remainingMs: 16_000 }).goOn).toEqual(['ort', 'offload', 'coedge', 'auto+exits'])
    expect(nextBlock({ ...choice, remainingMs: 12_000 })).toEqual({ goOn: [], leave: [] })
  })

  it('are all of a full run, or none', () => {
    const full = { ...OPTIONS, above: Number.POSITIVE_INFINITY }
    expect(nextBlock(full)).toEqual({ goOn: PLANS.map(({ method }) => method), leave: [] })
    expect(nextBlock({ ...full, remainingMs: 30_000 }).goOn).toEqual([])
  })

  it('is the local plan too where no library ran alone, and whose plan another method shares', () => {
    const plans = [entry('local'), entry('offload'), entry('strips'), entry('auto', 'strips')]
    const { goOn } = nextBlock({ ...OPTIONS, plans, turnMs: turns(plans.slice(0, 3)) })
    expect(goOn).toEqual(['local', 'offload', 'strips'])
  })

  it('are not those that have ended', () => {
    const turnMs = turns(PLANS.filter(({ method }) => method !== 'coedge'))
    expect(nextBlock({ ...OPTIONS, turnMs }).goOn).not.toContain('coedge')
  })
})

it('who sits out is told with the reason', () => {
  expect(sittingOut({ method: 'strips', times: 17, forTime: false }, 1)).toBe(
    'strips: measured in 1 block only (17.0 x the best rival)',
  )
  expect(sittingOut({ method: 'coedge', times: 1.5, forTime: true }, 2)).toMatch(/2 blocks only .*no time for all/)
})

it('who is predicted to be far behind is left out where time is short, but for what ratios are taken to and plans that others share', () => {
  const planned = (method: string, latencyMs: number, sameAs?: string): MethodPlan => ({
    ...entry(method, sameAs),
    plan: { volumes: [], predicted: { latencyMs } } as unknown as MethodPlan['plan'],
  })
  const plans = [planned('local', 900), planned('offload', 100), planned('strips', 700), planned('auto', 90)]
  const short = { remainingMs: 60_000, short: true }
  expect(leftOut(plans, QUICK, { ...short, short: false })).toEqual([])
  expect(leftOut(plans, QUICK, short)).toEqual([{ method: 'strips', times: 7 }])
  const near = [...plans, planned('coedge', 200)]
  expect(leftOut(near, QUICK, short).map(({ method }) => method)).toEqual(['strips'])
  const late = leftOut(near, QUICK, { remainingMs: 10_000, short: false })
  expect(late.map(({ method }) => method)).toEqual(['strips', 'coedge'])
  expect(leftOut([planned('ort', 900), ...plans], QUICK, short).map(({ method }) => method)).toEqual([
    'local',
    'strips',
  ])
  expect(leftOut([...plans, planned('auto+exits', 700, 'strips')], QUICK, short)).toEqual([])
  expect(expectedBlockMs([planned('offload', 100), planned('auto', 100, 'offload')], QUICK)).toBe(2_300 + 100 + 2_050)
  expect(expectedBlockMs([planned('strips', 3_000)], QUICK)).toBe(2_300 + 3_000 + 6_000)
})
