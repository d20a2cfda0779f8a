import type { BackendSpeed, LayerShape } from '@roomful/core'
import { coefficientsOf } from './coefficients.ts'
import type { RowEfficiency } from './compute.ts'
import { type FittedCosts, fitCosts } from './fit.ts'
import { addLayer } from './layer-work.ts'
import { referenceCosts } from './reference-costs.ts'
import { speedOfCosts } from './speed-layer.ts'
import { addRowShare, addWork, emptyWork, type Work, workMs } from './work.ts'

/** One measured net of the engine's micro-benchmark: its layers, and what one run of all of them took. */
export interface LayerSample {
  readonly layers: readonly LayerShape[]
  readonly inputElements: number
  readonly outputElements: number
  readonly ms: number
}

/** A layer of fewer rows than this says how well a backend does with a shard's few rows. */
const WHOLE_ROWS = 14

/** With fewer samples a fit says more about the reference than about the device. */
const MIN_SAMPLES = 12
/** A fit whose own samples are further off (median) was disturbed by something else on the device. */
const DISTURBED = 0.04

export interface FittedBackend extends FittedCosts {
  /** Share of its speed that the backend reaches with few rows; ascending. */
  readonly table: readonly RowEfficiency[]
}

/**
 * Coefficients per operator kind, and from layers of few but wide rows the staircase: at so many rows, how long a
 * proportional share of a taller layer would take against how long they took, as the median over layers.
 * @throws PlannerError `samples` when nothing was measured
 */
export function fitLayers(samples: readonly LayerSample[]): FittedBackend {
  const timed = samples.map(({ layers, inputElements, outputElements, ms }) => ({
    work: workOf(layers),
    ms,
    boundary: { inputElements, outputElements },
  }))
  const fitted = fitCosts(timed, { prior: referenceCosts() })
  return { ...fitted, table: staircase(samples, fitted) }
}

/** A sustained speed this much below the fitted one means that the small nets ran in bursts. */
const BURST_RATIO = 1.2
/** A backend's speed test and its small nets. */
export interface MeasuredBackend {
  readonly speed: BackendSpeed
  readonly samples: readonly LayerSample[]
}

/**
 * As `fitLayers`, held against the speed that the backends sustain: on a throttled processor (a CPU quota, a hot phone) nets
 * of a few milliseconds fit into its bursts and look too fast; their times are then stretched to the sustained speed.
 *
 * @param measured engines of one processor that had the nets by turns: they share the stretch (its geometric mean), since their speed tests,
 * one after the other, differ by what else the processor had to do
 * @throws PlannerError `samples` when nothing was measured
 */
export function fitSustained(measured: readonly MeasuredBackend[]): FittedBackend[] {
  const fits = measured.map(({ samples }) => fitLayers(samples))
  let log = 0
  for (const [i, { costs }] of fits.entries()) {
    log += Math.log(speedOfCosts(costs) / (measured[i]?.speed.gmacsPerSecond ?? 0)) / fits.length
  }
  const ratio = Math.exp(log)
  if (!(ratio > BURST_RATIO) || !Number.isFinite(ratio)) return fits
  return measured.map(({ samples }) => fitLayers(samples.map((sample) => ({ ...sample, ms: sample.ms * ratio }))))
}

function workOf(layers: readonly LayerShape[]): Work {
  const work = emptyWork()
  for (const layer of layers) addLayer(work, layer)
  return work
}

function staircase(samples: readonly LayerSample[], { costs, boundary, overheadMs }: FittedCosts): RowEfficiency[] {
  const ratios = new Map<number, number[]>()
  for (const { layers, inputElements, outputElements, ms } of samples) {
    const [layer] = layers
    if (layer?.kind !== 'conv' || layer.rows >= WHOLE_ROWS || layer.columns < 2 * layer.rows) continue
    const tall = addLayer(emptyWork(), { ...layer, rows: WHOLE_ROWS })
    const share = addRowShare(emptyWork(), tall, layer.rows / WHOLE_ROWS)
    for (const other of layers.slice(1)) addWork(share, addLayer(emptyWork(), other))
    const ownMs = ms - overheadMs - boundary.input * inputElements - boundary.output * outputElements
    if (ownMs <= 0) continue
    ratios.set(layer.rows, [...(ratios.get(layer.rows) ?? []), workMs(share, costs) / ownMs])
  }
  const table = [...ratios.entries()]
    .sort(([a], [b]) => a - b)
    .map(([rows, values]) => ({ rows, efficiency: Math.min(1, Math.max(0.05, median(values))) }))
  if (table.length > 0) table.push({ rows: WHOLE_ROWS, efficiency: 1 })
  return table
}

/** The fitted backend as it is registered; the speed and the overhead as the caller sees it stay those of the speed test. */
export function fittedSpeed(speed: BackendSpeed, fitted: FittedBackend): BackendSpeed {
  return { ...speed, coefficients: coefficientsOf(fitted) }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 1
}

/**
 * Whether a fit is worth registering: `too-few` samples say no more than the speed test, a `disturbed` one is better than
 * none and should be repeated when the device is idle.
 */
export function fitQuality(samples: readonly LayerSample[], fitted: FittedCosts): 'good' | 'disturbed' | 'too-few' {
  if (samples.length < MIN_SAMPLES) return 'too-few'
  return fitted.medianError > DISTURBED ? 'disturbed' : 'good'
}
