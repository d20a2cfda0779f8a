import { METHODS, type PlanningLimits, planWith } from '@roomful/planner'
import type { Net } from './nets.ts'
import { GROUPS, roomOf } from './rooms.ts'

/** DistrEdge's seven baselines, in its order, then what stands beside them. */
export const BASELINES = ['coedge', 'modnn', 'mednn', 'deepthings', 'deeperthings', 'aofl', 'offload'] as const
export const COMPARED = [...BASELINES, 'local', 'edgeld', 'distredge', 'auto'] as const
export type Compared = (typeof COMPARED)[number]

/** One net in one room: predicted images per second of one image after the other (1 / latency); 0 without a plan. */
export interface ComparisonRow {
  readonly net: string
  readonly group: string
  /** Mbit/s; `changing` for the sequence of bandwidths. */
  readonly link: string
  readonly imagesPerSecond: Readonly<Record<Compared, number>>
}

/** Bandwidths that follow each other for equal times; every method plans anew at each change. */
const CHANGING = [300, 50, 200, 100] as const

export interface CompareOptions {
  readonly episodes: number
  readonly quick: boolean
  readonly onRow?: (row: ComparisonRow) => void
}

export async function compareMethods(nets: readonly Net[], options: CompareOptions): Promise<ComparisonRow[]> {
  const rows: ComparisonRow[] = []
  const four = GROUPS['four mixed'] ?? []
  for (const net of options.quick ? nets.slice(0, 1) : nets) {
    const steady = new Map<number, Record<Compared, number>>()
    for (const mbit of options.quick ? [100] : [50, 100, 200, 300]) {
      const speeds = await imagesPerSecond(net, roomOf(four, mbit), options)
      steady.set(mbit, speeds)
      add({ net: net.name, group: 'four mixed', link: String(mbit), imagesPerSecond: speeds })
    }
    if (options.quick) continue
    const changing = Object.fromEntries(
      COMPARED.map((method) => [method, mean(CHANGING.map((mbit) => steady.get(mbit)?.[method] ?? 0))]),
    ) as Record<Compared, number>
    add({ net: net.name, group: 'four mixed', link: 'changing', imagesPerSecond: changing })
    for (const [group, mbit] of [
      ['two slow two fast', 100],
      ['sixteen mixed', 200],
    ] as const) {
      const speeds = await imagesPerSecond(net, roomOf(GROUPS[group] ?? [], mbit), options)
      add({ net: net.name, group, link: String(mbit), imagesPerSecond: speeds })
    }
  }
  return rows

  function add(row: ComparisonRow): void {
    rows.push(row)
    options.onRow?.(row)
  }
}

async function imagesPerSecond(net: Net, room: ReturnType<typeof roomOf>, { episodes }: CompareOptions) {
  const limits: PlanningLimits = { episodes, seed: 1, exits: false }
  const out: Partial<Record<Compared, number>> = {}
  for (const method of COMPARED) {
    if (!METHODS.some(({ name }) => name === method)) continue
    const result = await planWith(method, net.model, room.topology, room.predictor, limits)
    out[method] = result.ok ? 1000 / result.plan.predicted.fullMs : 0
  }
  return out as Record<Compared, number>
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
