import { type Random, seededRandom, shuffled } from '@roomful/core'
import { extract, writeModel } from '@roomful/graph'
import {
  addWork,
  ComputeModel,
  emptyWork,
  type FittedBackend,
  fitLayers,
  fitQuality,
  type LayerSample,
  segmentAt,
} from '@roomful/planner'
import { PageRig } from '../page-rig.ts'
import { type Nets, netUrl } from '../serve-nets.ts'
import { Calm } from './calm.ts'
import { type EvaluatedModel, evaluatedModels, type ModelFolders } from './models.ts'
import { commonLayers } from './overlap.ts'
import type { PredictorPage } from './page/page.ts'
import { boundaryOf, type EvaluatedSegment, mergeShort, neighbours, segmentName } from './segments.ts'
import { type ErrorSummary, type SegmentRow, summarise } from './summary.ts'

/** Segments measured shorter than this are merged with the next. */
export const FLOOR_MS = 0.2

export interface PredictorBenchOptions {
  readonly folders: ModelFolders
  /** Three rounds instead of seven, without the networks of which one run takes longer than a second. */
  readonly quick?: boolean
  readonly random?: Random
  readonly print?: (line: string) => void
}

export interface ModelErrors extends ErrorSummary {
  readonly model: string
  /** All segments one after the other. */
  readonly predictedMs: number
  readonly measuredMs: number
}

export interface PredictorBenchResult {
  /** Of the segments after merging; `unmerged`: of all between neighbouring partition points. */
  readonly summary: ErrorSummary & {
    /** Micro-benchmark and fit, as a joining device does them. */
    readonly fitMs: number
    readonly floorMs: number
    readonly rounds: number
    readonly unmerged: ErrorSummary
    /** Of the fit on its own samples. */
    readonly fitMedianError: number
    readonly samples: number
    /** Micro-benchmarks in the order in which they ran; the one with the least error on its own samples was taken. */
    readonly attempts: readonly { readonly fitMs: number; readonly fitMedianError: number }[]
  }
  readonly models: readonly ModelErrors[]
  readonly segments: readonly SegmentRow[]
  readonly unmergedSegments: readonly SegmentRow[]
  readonly skipped: readonly string[]
  readonly fittedOn: string
  /** Layers of evaluated networks that were timed for the fit in the very same shape: none. */
  readonly commonLayers: readonly string[]
  readonly coefficients: Pick<FittedBackend, 'overheadMs' | 'boundary' | 'table'> & {
    readonly costs: readonly number[]
  }
}

const FITTED_ON =
  'the nets of the micro-benchmark (packages/engine/src/benchmark/micro-cases.ts) run in the same tab before any ' +
  'segment; and, weakly, the reference proportions of packages/planner/src/predictor/reference-costs.ts, which come from ' +
  'single layers of usual shapes, some of them those of evaluated networks'

/**
 * Predicted against measured times of the segments of known networks, in Chromium with ONNX Runtime WASM on one thread:
 * fits first, as a joining device does, then measures.
 */
export async function benchPredictor(options: PredictorBenchOptions): Promise<PredictorBenchResult> {
  const { quick = false, random = seededRandom(6), print = () => {} } = options
  const rounds = quick ? 3 : 7
  const nets: Nets = new Map()
  await using rig = await PageRig.start<PredictorPage>(new URL('page', import.meta.url), nets, 'predictorPage')
  const { threads, isolated } = await rig.call('open')
  print(`Chromium, ${threads} thread${isolated ? '' : ', coarse timers: the page is not isolated'}`)
  const calm = new Calm()
  const attempts = await fitAttempts(rig, calm, print)
  const skipped: string[] = []
  const models: EvaluatedModel[] = []
  for (const [, load] of evaluatedModels(options.folders, !quick)) {
    const model = await load()
    if ('skipped' in model) {
      skipped.push(model.skipped)
      print(`skipped: ${model.skipped}`)
    } else models.push(model)
  }
  const plain = models.flatMap(neighbours)
  const measure = (segments: readonly EvaluatedSegment[]) =>
    measureSegments(rig, nets, segments, { rounds, random, print, calm })
  const plainTimes = await measure(plain)
  const msOf = (segment: EvaluatedSegment) => medianOf(plainTimes.get(segmentName(segment)) ?? [])
  const merged = models.flatMap((model) => mergeShort(neighbours(model), msOf, FLOOR_MS))
  const newlyMade = merged.filter((segment) => !plainTimes.has(segmentName(segment)))
  const times = new Map([...plainTimes, ...(await measure(newlyMade))])

  // How calm the machine was at the fit shows only now; the control net alone decides whether to fit again.
  if (!attempts.some(({ controlMs }) => calm.is(controlMs))) attempts.push(...(await fitAttempts(rig, calm, print)))
  const { fitted, fitMs, samples } = bestOf(attempts, calm)

  const rowsOf = (segments: readonly EvaluatedSegment[]) =>
    segments.map((segment) => rowOf(segment, fitted, times.get(segmentName(segment)) ?? []))
  const segments = rowsOf(merged)
  const unmergedSegments = rowsOf(plain)
  return {
    summary: {
      ...summarise(segments),
      fitMs,
      floorMs: FLOOR_MS,
      rounds,
      unmerged: summarise(unmergedSegments),
      fitMedianError: fitted.medianError,
      samples: samples.length,
      attempts: attempts.map((one) => ({ fitMs: one.fitMs, fitMedianError: one.fitted.medianError })),
    },
    models: models.map(({ name }) => {
      const own = segments.filter(({ model }) => model === name)
      const sum = (of: (row: SegmentRow) => number) => own.reduce((total, row) => total + of(row), 0)
      const predictedMs = sum((row) => row.predictedMs)
      return { model: name, ...summarise(own), predictedMs, measuredMs: sum((row) => row.measuredMs) }
    }),
    segments,
    unmergedSegments,
    skipped,
    fittedOn: FITTED_ON,
    commonLayers: commonLayers(samples, models),
    coefficients: {
      overheadMs: fitted.overheadMs,
      boundary: fitted.boundary,
      table: fitted.table,
      costs: [...fitted.costs],
    },
  }
}

interface Attempt {
  readonly controlMs: number
  readonly fitted: FittedBackend
  readonly fitMs: number
  readonly samples: readonly LayerSample[]
}

async function fitAttempts(rig: PageRig<PredictorPage>, calm: Calm, print: (line: string) => void): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  while (attempts.length < MAX_ATTEMPTS) {
    const { samples, ms, controlMs } = await rig.call('micro')
    calm.sees(controlMs)
    const startMs = performance.now()
    const fitted = fitLayers(samples)
    const fitMs = ms + performance.now() - startMs
    attempts.push({ fitted, fitMs, samples, controlMs })
    const own = share(fitted.medianError)
    print(`micro-benchmark: ${samples.length} nets, fitted in ${fitMs.toFixed(0)} ms, own error ${own}`)
    if (fitQuality(samples, fitted) === 'good' && calm.is(controlMs)) break
  }
  return attempts
}

/** By the error on its own samples: the evaluated networks have no say in it. */
function bestOf(attempts: readonly Attempt[], calm: Calm): Attempt {
  const calmOnes = attempts.filter(({ controlMs }) => calm.is(controlMs))
  const [best] = [...(calmOnes.length > 0 ? calmOnes : attempts)].sort(
    (a, b) => a.fitted.medianError - b.fitted.medianError,
  )
  if (best === undefined) throw new RangeError('nothing was fitted')
  return best
}

/** Median time of each round by segment; every round takes the segments in a new order and with new sessions. */
async function measureSegments(
  rig: PageRig<PredictorPage>,
  nets: Nets,
  segments: readonly EvaluatedSegment[],
  { rounds, random, print, calm }: MeasureOptions,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>()
  let repeated = 0
  for (let round = 0; round < rounds && segments.length > 0; round++) {
    for (const segment of shuffled(segments, random)) {
      const name = segmentName(segment)
      nets.set(name, () => segmentBytes(segment))
      const { tensor, shape } = segment.model.plannable.points[segment.from] ?? { tensor: '', shape: [] }
      let best: { ms: number; controlMs: number } | undefined
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const { runsMs, controlMs } = await rig.call('time', netUrl(name), { [tensor]: shape }, LIMITS)
        calm.sees(controlMs)
        if (controlMs < (best?.controlMs ?? Number.POSITIVE_INFINITY)) best = { ms: medianOf(runsMs), controlMs }
        if (calm.is(controlMs)) break
        repeated++
      }
      nets.delete(name)
      if (best !== undefined) times.set(name, [...(times.get(name) ?? []), best.ms])
    }
    print(`round ${round + 1} of ${rounds}: ${segments.length} segments, ${repeated} disturbed measurements repeated`)
  }
  return times
}

interface MeasureOptions {
  readonly rounds: number
  readonly random: Random
  readonly print: (line: string) => void
  readonly calm: Calm
}

const LIMITS = { warm: 2, runs: 7, minMs: 15, maxMs: 500 } as const
/** How often one measurement is tried. */
const MAX_ATTEMPTS = 4

function segmentBytes({ model, from, to }: EvaluatedSegment): Uint8Array {
  const { points } = model.plannable
  return writeModel(extract(model.analysis.graph, points[from]?.tensor ?? '', points[to]?.tensor ?? '')).model
}

function rowOf(segment: EvaluatedSegment, fitted: FittedBackend, roundsMs: readonly number[]): SegmentRow {
  const { model, from, to } = segment
  const compute = new ComputeModel(fitted)
  const work = emptyWork()
  for (let i = from; i < to; i++) addWork(work, segmentAt(model.plannable, i).work)
  const predictedMs = compute.wholeMs(work, boundaryOf(model.plannable, from, to))
  const measuredMs = medianOf(roundsMs)
  return {
    model: model.name,
    from: model.plannable.points[from]?.tensor ?? '',
    to: model.plannable.points[to]?.tensor ?? '',
    predictedMs,
    measuredMs,
    error: predictedMs / measuredMs - 1,
    roundsMs: [...roundsMs].sort((a, b) => a - b),
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[sorted.length >> 1] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[(sorted.length >> 1) - 1] ?? Number.NaN) + upper) / 2
}

const share = (value: number): string => `${(value * 100).toFixed(1)} %`
