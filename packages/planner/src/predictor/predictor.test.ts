import { gaussian, type LayerShape, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { BOUNDARY_FREE, boundaryMs } from './boundary.ts'
import { boundaryOfProfile, coefficientsOf, costsOfProfile, tableOfProfile } from './coefficients.ts'
import { ComputeModel } from './compute.ts'
import { fitCosts, type TimedWork } from './fit.ts'
import { addLayer } from './layer-work.ts'
import { LinkModel } from './link.ts'
import { fitLink } from './link-fit.ts'
import { fitLayers, fitQuality, fitSustained, fittedSpeed, type LayerSample } from './micro-fit.ts'
import { nonNegativeLeastSquares } from './nnls.ts'
import { referenceCosts } from './reference-costs.ts'
import { fitUtilisation } from './utilisation.ts'
import {
  addFeatures,
  addRowShare,
  costsOfSpeed,
  emptyWork,
  WORK_FEATURES,
  WORK_KINDS,
  WORK_LENGTH,
  workMacs,
  workMs,
  workStart,
} from './work.ts'

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
  for (const [at, kind] of WORK_KINDS.entries()) {
    const last = workStart(kind) + WORK_FEATURES[kind].length - 1
    truth[last] = (at + 1) * 1e-7
  }
  const samples = (noise: number, seed: number): TimedWork[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 60 }, () => {
      const work = emptyWork()
      for (const kind of WORK_KINDS) {
        if (random.next() < 0.6)
          addFeatures(
            work,
            kind,
            WORK_FEATURES[kind].map(() => random.next() * 2e6),
          )
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
    const { costs, boundary } = fitCosts(samples(0, 1))
    const back = costsOfProfile({
      backend: 'ort-wasm',
      threads: 1,
      gmacsPerSecond: 1,
      overheadMs: 0,
      coefficients: coefficientsOf({ costs, boundary, table: [] }),
    })
    for (const [i, cost] of costs.entries())
      expect(Math.abs((back[i] as number) - cost)).toBeLessThanOrEqual(cost * 1e-3)
  })
})

describe('a layer as work', () => {
  const conv = {
    kind: 'conv',
    inputChannels: 8,
    outputChannels: 24,
    groups: 1,
    taps: 9,
    stride: 2,
    rows: 5,
    columns: 7,
  } as const

  it('counts what a matrix product over copied columns does', () => {
    const work = addLayer(emptyWork(), conv)
    const pixels = 35
    expect([...work.slice(0, 6)]).toEqual([
      24 * 72 * pixels,
      24 * 72 * (48 - pixels),
      24 * pixels,
      72 * pixels,
      72 * 5,
      72 * pixels,
    ])
    expect(workMacs(work)).toBe(24 * 72 * pixels)
  })

  it('copies nothing for a kernel of one tap, and a depthwise layer is of its own kind', () => {
    const direct = addLayer(emptyWork(), { ...conv, taps: 1, stride: 1 })
    expect([...direct.slice(3, 6)]).toEqual([0, 0, 0])
    const depthwise = addLayer(emptyWork(), { ...conv, outputChannels: 8, groups: 8 })
    expect(depthwise[0]).toBe(0)
    expect([...depthwise.slice(workStart('depthwise'), workStart('depthwise') + 4)]).toEqual([2520, 360, 2520, 8])
  })

  it('of some rows is their share, but for what every run pays', () => {
    const whole = addLayer(emptyWork(), { ...conv, outputChannels: 8, groups: 8 })
    const half = addRowShare(emptyWork(), whole, 0.5)
    expect(workMacs(half)).toBe(workMacs(whole) / 2)
    expect(half[workStart('depthwise') + 3]).toBe(8)
    expect(half[workStart('node')]).toBe(1)
  })
})

describe('fitLayers', () => {
  const conv = (rows: number, columns: number, channels: number, taps: number, groups = 1): LayerShape => ({
    kind: 'conv',
    inputChannels: channels,
    outputChannels: channels,
    groups,
    taps,
    stride: 1,
    rows,
    columns,
  })
  const reference = referenceCosts()
  /** A device that is `factor` times slower than the reference throughout. */
  const timed = (layer: LayerShape, factor: number): LayerSample => {
    const elements = 'rows' in layer ? layer.rows * layer.columns * layer.outputChannels : 1000
    const model = new ComputeModel({
      costs: Float64Array.from(reference.slice(0, WORK_LENGTH)),
      overheadMs: 0,
      factor,
    })
    const boundary = boundaryMs(
      { input: 0.29e-6, output: 1.5e-6, largeInput: 0.23e-6, largeOutput: 0.27e-6 },
      elements,
      elements,
    )
    const ms = model.wholeMs(addLayer(emptyWork(), layer)) + factor * (boundary + 0.034)
    return { layers: [layer], inputElements: elements, outputElements: elements, ms }
  }

  it('predicts kinds that were not measured from the proportions of the reference', () => {
    const layers = [8, 16, 64, 128].flatMap((c) => [conv(28, 28, c, 9), conv(14, 14, c, 1)])
    const fitted = fitLayers(layers.map((layer) => timed(layer, 3)))
    const unseen: LayerShape = { kind: 'normalise', elements: 50_000 }
    const compute = new ComputeModel(fitted)
    expect(compute.wholeMs(addLayer(emptyWork(), unseen)) / (3 * (50_000 * 7e-6 + 0.034))).toBeCloseTo(1, 1)
    expect(fitted.medianError).toBeLessThan(0.02)
  })

  it('finds the staircase of a backend that does rows in blocks of four', () => {
    const blocks = (rows: number) => Math.ceil(rows / 4) * 4
    const samples = [1, 2, 4, 8, 28].flatMap((rows) =>
      [32, 64].map((channels) => {
        const layer = conv(rows, 64, channels, 9)
        return { ...timed(layer, 1), ms: timed(conv(blocks(rows), 64, channels, 9), 1).ms }
      }),
    )
    const many = [64, 96, 128].map((channels) => timed(conv(28, 28, channels, 9), 1))
    const { table } = fitLayers([...samples, ...many, ...many])
    const at = (rows: number) => table.find((entry) => entry.rows === rows)?.efficiency ?? 0
    expect(at(1)).toBeLessThan(0.6)
    expect(at(2)).toBeGreaterThan(at(1))
    expect(at(4)).toBeGreaterThan(0.85)
    expect(at(14)).toBe(1)
  })

  it('is stretched to the speed that a throttled backend sustains, and left alone where it sustains more', () => {
    const samples = [8, 16, 64, 128].flatMap((c) => [conv(28, 28, c, 9), conv(14, 14, c, 1)]).map((l) => timed(l, 1))
    const big = addLayer(emptyWork(), conv(40, 40, 64, 9))
    const tested = (backend: 'ort-wasm' | 'tfjs-wasm', gmacsPerSecond: number) => {
      return { backend, threads: 1, gmacsPerSecond, overheadMs: 1 }
    }
    const msOf = (gmacsPerSecond: number) => {
      const [fitted] = fitSustained([{ speed: tested('ort-wasm', gmacsPerSecond), samples }])
      return fitted === undefined ? Number.NaN : workMs(big, fitted.costs)
    }
    const bursts = workMs(big, fitLayers(samples).costs)
    const gmacs = workMacs(big) / 1e6 / bursts
    expect(msOf(gmacs)).toBe(bursts)
    expect(msOf(gmacs * 3)).toBe(bursts)
    expect(msOf(gmacs / 5) / bursts).toBeCloseTo(5, 1)
    // Of two engines that had the nets by turns, only those say which one is faster.
    const faster = samples.map((sample) => ({ ...sample, ms: sample.ms / 2 }))
    const both = fitSustained([
      { speed: tested('ort-wasm', gmacs / 2), samples },
      { speed: tested('tfjs-wasm', gmacs / 4), samples: faster },
    ]).map(({ costs }) => workMs(big, costs))
    expect((both[0] ?? 0) / (both[1] ?? 0)).toBeCloseTo(2, 1)
    expect((both[0] ?? 0) / bursts).toBeCloseTo(4, 1)
  })

  it('is judged by its number of samples and by its own error', () => {
    const samples = Array.from({ length: 24 }, (_, i) => timed(conv(14, 14, 8 * (1 + i), i % 2 === 0 ? 9 : 1), 1))
    expect(fitQuality(samples, fitLayers(samples))).toBe('good')
    const random = seededRandom(8)
    const noisy = samples.map((sample) => ({ ...sample, ms: sample.ms * Math.exp(0.3 * gaussian(random)) }))
    expect(fitQuality(noisy, fitLayers(noisy))).toBe('disturbed')
    expect(fitQuality(samples.slice(0, 5), fitLayers(samples.slice(0, 5)))).toBe('too-few')
  })

  it('fits into the coefficients of a profile and comes back within a thousandth', () => {
    const fitted = fitLayers([conv(28, 28, 64, 9), conv(28, 28, 64, 1), conv(1, 40, 64, 9)].map((l) => timed(l, 2)))
    const speed = fittedSpeed({ backend: 'ort-wasm', threads: 1, gmacsPerSecond: 4, overheadMs: 0.3 }, fitted)
    const entries = Object.entries(speed.coefficients ?? {})
    expect(entries.length).toBeLessThanOrEqual(64)
    for (const [name, numbers] of entries) {
      expect(name.length).toBeLessThanOrEqual(64)
      expect(numbers.length).toBeLessThanOrEqual(16)
    }
    expect(JSON.stringify(speed.coefficients).length).toBeLessThan(1024)
    expect(boundaryOfProfile(speed).output).toBeCloseTo(fitted.boundary.output, 9)
    expect(tableOfProfile(speed).length).toBe(fitted.table.length)
    const { coefficients: _, ...plain } = speed
    expect(boundaryOfProfile(plain)).toEqual(BOUNDARY_FREE)
  })
})

describe('rows -> ms', () => {
  const work = addFeatures(emptyWork(), 'conv', [1e6])

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

describe('utilisation', () => {
  it('shows how a busy device slows down', () => {
    const runs = [0.1, 0.3, 0.5, 0.7, 0.9].flatMap((utilisation) =>
      [1, 5, 1, 1].map((hiccup) => ({ utilisation, idleMs: 10, ms: 10 * (1 + utilisation) * hiccup })),
    )
    const curve = fitUtilisation(runs)
    expect(curve.factor(0.5)).toBeCloseTo(1.5)
    expect(curve.factor(0.6)).toBeCloseTo(1.6)
    expect(fitUtilisation([]).factor(0.5)).toBeCloseTo(2)
  })

  it('is believed only where enough runs were seen, and grows beyond them as an unseen device does', () => {
    const at = (utilisation: number, ratio: number, count: number) =>
      Array.from({ length: count }, () => ({ utilisation, idleMs: 10, ms: 10 * ratio }))
    expect(fitUtilisation(at(0.45, 1.1, 2)).factor(0.45)).toBeCloseTo(1 / 0.55)
    const seen = fitUtilisation(at(0.45, 1.1, 3))
    expect(seen.factor(0.45)).toBeCloseTo(1.1)
    expect(seen.factor(0)).toBe(1)
    expect(seen.factor(0.75)).toBeCloseTo((1.1 * 0.55) / 0.25)
    const curve = fitUtilisation([...at(0.45, 3, 5), ...at(0.75, 1.2, 5)])
    for (let u = 0; u < 1; u += 0.05) expect(curve.factor(u + 0.05)).toBeGreaterThanOrEqual(curve.factor(u) - 1e-12)
  })
})
