import { planWith, readRoom } from '@roomful/planner'
import type { Net } from './nets.ts'
import { changingRate, steadyRate } from './play.ts'
import { GROUPS, type Group, limitsFor, roomJson, type Wires } from './rooms.ts'

/** DistrEdge's seven baselines, in its order, then what stands beside them. */
export const BASELINES = ['coedge', 'modnn', 'mednn', 'deepthings', 'deeperthings', 'aofl', 'offload'] as const
export const COMPARED = [...BASELINES, 'local', 'edgeld', 'distredge', 'auto'] as const
export type Compared = (typeof COMPARED)[number]
export type Rates = Readonly<Record<Compared, number>>

/** One net in one room: images per second of one image after the other; 0 without a plan. */
export interface ComparisonRow {
  readonly net: string
  readonly wires: Wires
  readonly group: Group
  /** Mbit/s; `changing` for the sequence of bandwidths. */
  readonly link: string
  /** Simulated: the runtime's own code on a virtual clock. */
  readonly imagesPerSecond: Rates
  /** The evaluator's prediction of the same plans; absent where plans change. */
  readonly predictedPerSecond?: Rates
}

export interface CompareOptions {
  readonly episodes: number
  readonly quick: boolean
  readonly onRow?: (row: ComparisonRow) => void
}

const RATES = { roomful: [50, 100, 200, 300], published: [50, 200] } as const
/** Bandwidths that follow each other for equal times. */
export const CHANGING = [300, 50, 200, 100] as const
/** Each of them holds for the time of so many images of the fastest method, within bounds. */
const PHASE_IMAGES = 20
const PHASE_MS = { least: 4_000, most: 8_000 } as const

export async function compareMethods(nets: readonly Net[], options: CompareOptions): Promise<ComparisonRow[]> {
  const rows: ComparisonRow[] = []
  const add = (row: ComparisonRow) => {
    rows.push(row)
    options.onRow?.(row)
  }
  for (const net of options.quick ? nets.slice(0, 1) : nets) {
    for (const wires of ['roomful', 'published'] as const) {
      const steady: ComparisonRow[] = []
      for (const mbit of options.quick ? [100] : RATES[wires]) {
        const row = await steadyRow(net, wires, 'four mixed', mbit, options.episodes)
        steady.push(row)
        add(row)
      }
      if (options.quick) continue
      if (wires === 'roomful') {
        add(await changingRow(net, steady, options.episodes))
        add(await steadyRow(net, wires, 'two slow two fast', 100, options.episodes))
      }
      add(await steadyRow(net, wires, 'sixteen mixed', 200, options.episodes))
    }
  }
  return rows
}

async function steadyRow(net: Net, wires: Wires, group: Group, mbit: number, episodes: number): Promise<ComparisonRow> {
  const limits = limitsFor(wires, episodes)
  const json = roomJson(GROUPS[group], mbit, limits)
  const { topology, predictor } = readRoom(json)
  const predicted = noRates()
  const simulated = noRates()
  for (const method of COMPARED) {
    const result = await planWith(method, net.model, topology, predictor, limits)
    if (!result.ok) continue
    predicted[method] = 1000 / result.plan.predicted.fullMs
    simulated[method] = await steadyRate(net.model, json, result.plan)
  }
  const link = String(mbit)
  return { net: net.name, wires, group, link, imagesPerSecond: simulated, predictedPerSecond: predicted }
}

async function changingRow(net: Net, steady: readonly ComparisonRow[], episodes: number): Promise<ComparisonRow> {
  const most = (method: Compared) => Math.max(...steady.map(({ imagesPerSecond }) => imagesPerSecond[method]))
  const fastest = Math.max(...COMPARED.map(most))
  const phaseMs = Math.min(PHASE_MS.most, Math.max(PHASE_MS.least, (PHASE_IMAGES / fastest) * 1000))
  const room = roomJson(GROUPS['four mixed'], CHANGING[0], limitsFor('roomful', episodes))
  const rates = noRates()
  for (const method of COMPARED) {
    if (most(method) > 0) rates[method] = await changingRate(net.model, room, method, CHANGING, phaseMs, most(method))
  }
  return { net: net.name, wires: 'roomful', group: 'four mixed', link: 'changing', imagesPerSecond: rates }
}

const noRates = (): Record<Compared, number> =>
  Object.fromEntries(COMPARED.map((method) => [method, 0])) as Record<Compared, number>
