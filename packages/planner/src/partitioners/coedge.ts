import type { Highs } from 'highs'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { complete, everyLayer, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

let solver: Promise<Highs> | undefined

/** HiGHS as WASM, loaded on first use. */
function loadSolver(): Promise<Highs> {
  solver ??= import('highs').then(({ default: load }) => load())
  return solver
}

/**
 * CoEdge (ToN'20): layer by layer, rows by a linear program that minimises the sum over layers of the slowest device's
 * computing and halo exchange with its neighbours. Devices that would get fewer rows than a neighbour's halo needs are
 * dropped and the program is solved again. One share per device over all layers, so that rows stay where they are. [ours]
 */
export const coedge: Method = {
  name: 'coedge',
  about: "layer-wise rows by a linear program, neighbour halos, drops weak devices (ToN'20)",
  async propose(search) {
    const span = rowSpan(search)
    if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
    if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
    const highs = await loadSolver()
    let processors = workers(search)
    const dropped: string[] = []
    for (;;) {
      const shares = solveShares(highs, search, span, processors)
      const weakest = weakestBelow(search, span, processors, shares)
      if (weakest === undefined || processors.length === 1) {
        const split = (_: number, to: number) => splitRows(pointAt(search.model, to).rows, processors, shares)
        const best = search.best(complete(search, stripVolumes(search, span, everyLayer(span), split)))
        return best === undefined ? search.whyNot() : propose(best, ...dropped)
      }
      const device = search.room.processors[processors[weakest] as number]?.device ?? 0
      dropped.push(
        `${search.room.devices[device]?.name} is dropped: it would get fewer rows than its neighbours' halos need`,
      )
      processors = processors.filter((_, at) => at !== weakest)
    }
  },
}

/** Rows of halo that the layer at a segment takes from a neighbour on one side. */
function haloRows(search: Search, segment: number): number {
  const tables = segmentAt(search.model, segment).tables()
  if (tables === undefined) return 0
  const middle = tables.outputRows >> 1
  const overlap = (tables.needEnd[middle] as number) - (tables.needStart[middle] as number)
  return Math.max(0, Math.ceil(overlap / 2))
}

/** Index of the device with the smallest share if that is under one halo at the narrowest layer. */
function weakestBelow(search: Search, span: RowSpan, processors: readonly number[], shares: readonly number[]) {
  let rows = Number.POSITIVE_INFINITY
  let halo = 1
  for (let i = span.from; i < span.to; i++) {
    rows = Math.min(rows, pointAt(search.model, i + 1).rows)
    halo = Math.max(halo, haloRows(search, i))
  }
  let weakest = 0
  for (let at = 1; at < processors.length; at++) if ((shares[at] as number) < (shares[weakest] as number)) weakest = at
  return (shares[weakest] as number) * rows < Math.min(halo, 1) ? weakest : undefined
}

/** `min sum T_l` over shares s_d >= 0 with `sum s_d = 1` and, per layer and device, `ms_ld s_d + exchange_ld <= T_l`. */
function solveShares(highs: Highs, search: Search, span: RowSpan, processors: readonly number[]): number[] {
  const { room, model, evaluator } = search
  const layers = Array.from({ length: span.to - span.from }, (_, i) => span.from + i)
  const rows: string[] = []
  for (const layer of layers) {
    const input = pointAt(model, layer)
    const bytes =
      haloRows(search, layer) * input.elementsPerRow * ((input.wires[search.wire(layer)]?.wire.bits ?? 32) / 8)
    for (const [at, processor] of processors.entries()) {
      const overhead = room.processors[processor]?.compute.overheadMs ?? 0
      const ms = evaluator.costs.spanMs(processor, layer, layer + 1)
      const exchange = layer === span.from ? 0 : neighbourMs(search, processors, at, bytes)
      rows.push(`c${layer}_${at}: ${fixed(ms)} s${at} - t${layer} <= ${fixed(-(overhead + exchange))}`)
    }
  }
  const problem = [
    'Minimize',
    `obj: ${layers.map((layer) => `t${layer}`).join(' + ')}`,
    'Subject To',
    ...rows,
    `sum: ${processors.map((_, at) => `s${at}`).join(' + ')} = 1`,
    'Bounds',
    ...processors.map((_, at) => `0 <= s${at} <= 1`),
    ...layers.map((layer) => `0 <= t${layer}`),
    'End',
  ].join('\n')
  const solution = solved(highs, problem)
  if (solution?.Status !== 'Optimal') return speeds(search, processors, span)
  return processors.map((_, at) => {
    const column = solution.Columns[`s${at}`]
    return column !== undefined && 'Primal' in column ? Math.max(0, column.Primal) : 0
  })
}

/** undefined where the numbers are beyond what the solver reads. */
function solved(highs: Highs, problem: string): ReturnType<Highs['solve']> | undefined {
  try {
    return highs.solve(problem)
  } catch {
    return undefined
  }
}

const fixed = (value: number): string => value.toFixed(9)

/** Sending one halo to each neighbour in the order of the strips. */
function neighbourMs(search: Search, processors: readonly number[], at: number, bytes: number): number {
  const own = search.room.processors[processors[at] as number]?.device ?? 0
  let serial = 0
  let delay = 0
  for (const neighbour of [processors[at - 1], processors[at + 1]]) {
    if (neighbour === undefined) continue
    const link = search.room.links[own]?.[search.room.processors[neighbour]?.device ?? 0]
    if (link === undefined) continue
    serial += link.serialMs(bytes)
    delay = Math.max(delay, link.delayMs(bytes))
  }
  return serial + delay
}
