import { gaussian, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { ComputeModel, coefficientsOf, costsOfProfile, tableOfProfile } from './compute.ts'
import { OnlineCorrection } from './correction.ts'
import { fitCosts, type TimedWork } from './fit.ts'
import { LinkModel } from './link.ts'
import { fitLink } from './link-fit.ts'
import { fitLayers, fittedSpeed } from './micro-fit.ts'
import { nonNegativeLeastSquares } from './nnls.ts'
import { fitUtilisation } from './utilisation.ts'
import { addNode, costsOfSpeed, emptyWork, WORK_KINDS, workMs } from './work.ts'

describe('non-negative least squares', () => {
  it('finds the unconstrained answer where it is non-negative', () => {
    const x = nonNegativeLeastSquares(
      [
        [1, 0],
        [0, 1],
        [1, 1],
      ],
      [2, 3, 5],
    )
    expect(x[0]).toBeCloseTo(2, 6)
    expect(x[1]).toBeCloseTo(3, 6)
  })

  it('holds an unknown at zero where it would be negative', () => {
    const x = nonNegativeLeastSquares(
      [
        [1, 1],
        [1, 2],
        [1, 3],
      ],
      [3, 2, 1],
    )
    expect(x[1]).toBe(0)
    expect(x[0]).toBeCloseTo(2, 6)
  })
})

describe('fitCosts', () => {
  const truth = costsOfSpeed(5)
  for (const [at] of WORK_KINDS.entries()) truth[at * 3 + 1] = (at + 1) * 1e-7
  const samples = (noise: number, seed: number): TimedWork[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 60 }, () => {
      const work = emptyWork()
      for (const kind of WORK_KINDS) {
        if (random.next() < 0.6) addNode(work, kind, random.next() * 5e7, random.next() * 2e6)
      }
      return { work, ms: (0.4 + workMs(work, truth)) * (1 + noise * gaussian(random)) }
    })
  }

  it('recovers the coefficients of a synthetic device', () => {
    const { overheadMs, medianError, costs } = fitCosts(samples(0, 1))
    expect(overheadMs).toBeCloseTo(0.4, 2)
    expect(medianError).toBeLessThan(1e-3)
    for (const { work, ms } of samples(0, 2))
      expect(Math.abs(overheadMs + workMs(work, costs) - ms) / ms).toBeLessThan(0.01)
  })

  it('predicts unseen work within 5 % from samples with 3 % of noise', () => {
    const { overheadMs, costs } = fitCosts(samples(0.03, 3))
    const errors = samples(0, 4).map(({ work, ms }) => Math.abs(overheadMs + workMs(work, costs) - ms) / ms)
    errors.sort((a, b) => a - b)
    expect(errors[Math.floor(errors.length * 0.95)]).toBeLessThan(0.05)
  })

  it('travels in a profile and comes back', () => {
    const { costs } = fitCosts(samples(0, 1))
    const back = costsOfProfile({
      backend: 'ort-wasm',
      threads: 1,
      gmacsPerSecond: 1,
      overheadMs: 0,
      coefficients: coefficientsOf(costs),
    })
    for (const [i, cost] of costs.entries()) expect(back[i]).toBeCloseTo(cost, 15)
  })
})

describe('fitLayers', () => {
  it('finds speed and staircase of a backend that computes rows in blocks of four', () => {
    const truth = new ComputeModel({ costs: costsOfSpeed(4), overheadMs: 0, rowStep: 4 })
    const samples = (['conv', 'pointwise'] as const).flatMap((kind) =>
      [1, 2, 4, 8, 28, 56].map((rows) => {
        const macs = rows * 1e6
        const work = addNode(emptyWork(), kind, macs, rows * 1e4)
        return { kind, macs, bytes: rows * 1e4, rows, ms: truth.shardMs(work, rows, 1000) }
      }),
    )
    const fitted = fitLayers(samples)
    expect(fitted.gmacsPerSecond).toBeCloseTo(4, 1)
    const speed = fittedSpeed({ backend: 'ort-wasm', threads: 1, gmacsPerSecond: 4, overheadMs: 0.3 }, fitted)
    const table = tableOfProfile(speed)
    expect(table.find(({ rows }) => rows === 1)?.efficiency).toBeCloseTo(0.25, 2)
    expect(table.find(({ rows }) => rows === 2)?.efficiency).toBeCloseTo(0.5, 2)
    expect(table.find(({ rows }) => rows === 8)?.efficiency).toBeCloseTo(1, 2)
  })
})

describe('rows -> ms', () => {
  const work = addNode(emptyWork(), 'conv', 1e6, 0)

  it('is a staircase for a device that computes in blocks', () => {
    const model = new ComputeModel({ costs: costsOfSpeed(1), overheadMs: 0, rowStep: 4 })
    const ms = [1, 2, 4, 5, 8].map((rows) => (model.shardMs(work, rows, 16) * rows) / 1)
    expect(ms[0]).toBeCloseTo(ms[1] as number)
    expect(ms[1]).toBeCloseTo(ms[2] as number)
    expect(ms[3]).toBeCloseTo(ms[4] as number)
    expect(ms[3]).toBeCloseTo(2 * (ms[2] as number))
  })

  it('follows a measured table between its entries', () => {
    const table = [
      { rows: 2, efficiency: 0.5 },
      { rows: 6, efficiency: 1 },
    ]
    const model = new ComputeModel({ costs: costsOfSpeed(1), overheadMs: 0, table })
    expect(model.staircase(1, 16)).toBe(2)
    expect(model.staircase(4, 16)).toBeCloseTo(1 / 0.75)
    expect(model.staircase(12, 16)).toBe(1)
    expect(model.staircase(16, 16)).toBe(1)
  })
})

describe('links', () => {
  it('pay half a round trip, the bytes, and slow start until the window covers the way', () => {
    const link = new LinkModel({ rttMs: 40, mbitPerSecond: 100 })
    expect(link.messageMs(1_000)).toBeCloseTo(20.08, 2)
    // Measured echoes at 20 ms each way: 64 KB 307 ms, 512 KB 562 ms.
    expect(2 * link.messageMs(65_536)).toBeGreaterThan(230)
    expect(2 * link.messageMs(65_536)).toBeLessThan(330)
    expect(2 * link.messageMs(524_288)).toBeGreaterThan(450)
    expect(2 * link.messageMs(524_288)).toBeLessThan(650)
  })

  it('are recovered from timed messages with 2 % of noise', () => {
    const truth = new LinkModel({ rttMs: 12, mbitPerSecond: 60, startWindowBytes: 4_800 })
    const random = seededRandom(5)
    const samples = Array.from({ length: 60 }, (_, i) => {
      const bytes = 200 * 2 ** (i % 12)
      return { bytes, ms: truth.messageMs(bytes) * (1 + 0.02 * gaussian(random)) }
    })
    const fitted = fitLink(samples)
    for (const bytes of [1_000, 30_000, 300_000]) {
      expect(Math.abs(fitted.messageMs(bytes) - truth.messageMs(bytes)) / truth.messageMs(bytes)).toBeLessThan(0.1)
    }
  })
})

describe('corrections', () => {
  it('converge to a device that is twice as slow as believed, and stay bounded', () => {
    const correction = new OnlineCorrection()
    for (let i = 0; i < 60; i++) correction.observe('phone', 'conv', 10 * correction.factor('phone', 'conv'), 20)
    expect(correction.factor('phone', 'conv')).toBeCloseTo(2, 1)
    expect(correction.factor('phone', 'dense')).toBeCloseTo(2, 1)
    expect(correction.factor('laptop')).toBe(1)
    for (let i = 0; i < 500; i++) correction.observe('phone', 'conv', 1, 1e9)
    expect(correction.factor('phone', 'conv')).toBeLessThanOrEqual(4.0001)
    expect(OnlineCorrection.fromJSON(correction.toJSON()).factor('phone', 'conv')).toBe(
      correction.factor('phone', 'conv'),
    )
  })

  it('learn how a busy device slows down', () => {
    const runs = [0.1, 0.3, 0.5, 0.7, 0.9].map((utilisation) => ({
      utilisation,
      idleMs: 10,
      ms: 10 * (1 + utilisation),
    }))
    const curve = fitUtilisation(runs)
    expect(curve.factor(0.5)).toBeCloseTo(1.5)
    expect(curve.factor(0.6)).toBeCloseTo(1.6)
    expect(fitUtilisation([]).factor(0.5)).toBeCloseTo(2)
  })
})
