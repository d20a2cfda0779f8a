import { errorText } from '@roomful/core'
import type { Highs } from 'highs'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { type Method, propose } from './method.ts'
import { refuse } from './refusal.ts'
import { splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { complete, everyLayer, type RowSpan, rowSpan, speeds, stripVolumes, workers } from './strips.ts'

type Solver = Pick<Highs, 'solve'>

let solver: Promise<Solver> | undefined

/** HiGHS as WASM, loaded on first use. */
function loadSolver(): Promise<Solver> {
  solver ??= import('highs').then(({ default: load }) => load())
  return solver
}

/**
 * CoEdge (ToN'20): layer by layer, rows by a linear program that minimises the sum over layers of the slowest device's
 * computing and halo exchange with its neighbours. A device that would hold fewer rows of some layer's input than its
 * neighbour needs of it, or less than one, is dropped, the one with the smallest share first, and the program is solved
 * again: so a halo always comes from the next device alone. One share per device over all layers, so that rows stay
 * where they are; where the program cannot be solved rows go in proportion to speed, and a note says so. [ours]
 */
export const coedge: Method = coedgeWith(loadSolver)

/** The same with another solver. */
export function coedgeWith(load: () => Promise<Solver>): Method {
  return {
    name: 'coedge',
    about: "layer-wise rows by a linear program, neighbour halos, drops weak devices (ToN'20)",
    async propose(search) {
      const span = rowSpan(search)
      if (span === undefined) return refuse('untileable', 'no layer of this network can be split by rows')
      if (search.helpers.length === 0) return refuse('no-peers', 'nobody else is in the room')
      const notes = new Set<string>()
      let processors = workers(search)
      for (;;) {
        const solved = await solveShares(load, search, span, processors)
        if (solved.why !== undefined) {
          notes.add(`the linear program was not solved (${solved.why}): rows in proportion to speed instead`)
        }
        const lacking = fewestBelow(search, span, processors, solved.shares)
        if (lacking === undefined) {
          const split = (_: number, to: number) => splitRows(pointAt(search.model, to).rows, processors, solved.shares)
          const best = search.best(complete(search, stripVolumes(search, span, everyLayer(span), split)))
          return best === undefined ? search.whyNot() : propose(best, ...notes)
        }
        notes.add(lacking.why)
        processors = processors.filter((_, at) => at !== lacking.at)
      }
    },
  }
}

/** Rows of halo that the layer at a segment takes from a neighbour on one side. */
function haloRows(search: Search, segment: number): number {
  const tables = segmentAt(search.model, segment).tables()
  if (tables === undefined) return 0
  const middle = tables.outputRows >> 1
  const overlap = (tables.needEnd[middle] as number) - (tables.needStart[middle] as number)
  return Math.max(0, Math.ceil(overlap / 2))
}

/**
 * The device with the smallest share where that is less than its neighbours' halo, or than one row, at some layer; never
 * the last one.
 */
function fewestBelow(search: Search, span: RowSpan, processors: readonly number[], shares: readonly number[]) {
  if (processors.length < 2) return undefined
  let at = 0
  for (let other = 1; other < processors.length; other++) {
    if ((shares[other] as number) < (shares[at] as number)) at = other
  }
  const device = search.room.devices[search.room.processors[processors[at] as number]?.device ?? 0]
  for (let point = span.from + 1; point <= span.to; point++) {
    const { rows, tensor } = pointAt(search.model, point)
    const own = (shares[at] as number) * rows
    const halo = point < span.to ? haloRows(search, point) : 0
    if (own >= Math.max(halo, 1)) continue
    const few = `${device?.name} is dropped: it would have ${own.toFixed(1)} of the ${rows} rows of ${tensor}`
    return { at, why: halo > 0 ? `${few}, and its neighbours need ${halo}` : `${few}, less than one` }
  }
  return undefined
}

interface Shares {
  /** Of the rows, per processor; they add up to 1. */
  readonly shares: readonly number[]
  /** Why they are not the program's. */
  readonly why?: string
}

/** The program's optimum; shares in proportion to speed where there is none. */
async function solveShares(
  load: () => Promise<Solver>,
  search: Search,
  span: RowSpan,
  processors: readonly number[],
): Promise<Shares> {
  const solved = await load()
    .then((highs) => highs.solve(programOf(search, span, processors)))
    .catch((error: unknown) => {
      // After a crash in WASM an instance solves nothing any more.
      solver = undefined
      return errorText(error)
    })
  if (typeof solved !== 'string' && solved.Status === 'Optimal') {
    return {
      shares: processors.map((_, at) => {
        const column = solved.Columns[`s${at}`]
        return column !== undefined && 'Primal' in column ? Math.max(0, column.Primal) : 0
      }),
    }
  }
  const rates = speeds(search, processors, span)
  const all = rates.reduce((sum, rate) => sum + rate, 0)
  return { shares: rates.map((rate) => rate / all), why: typeof solved === 'string' ? solved : solved.Status }
}

/** `min sum T_l` over shares s_d >= 0 with `sum s_d = 1` and, per layer and device, `ms_ld s_d + exchange_ld <= T_l`. */
function programOf(search: Search, span: RowSpan, processors: readonly number[]): string {
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
      const exchange = layer === span.from || bytes === 0 ? 0 : neighbourMs(search, processors, at, bytes)
      rows.push(`c${layer}_${at}: ${fixed(ms)} s${at} - t${layer} <= ${fixed(-(overhead + exchange))}`)
    }
  }
  return [
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
