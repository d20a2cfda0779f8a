import type { Plan } from '@roomful/core'
import { type PlanningLimits, planWith, readRoom } from '@roomful/planner'
import type { Net } from './nets.ts'
import { changingRate, steadyRate } from './play.ts'
import { GROUPS, type Group, limitsFor, roomJson, type Wires } from './rooms.ts'

/** DistrEdge's seven baselines, in its order, then what stands beside them. */
export const BASELINES = ['coedge', 'modnn', 'mednn', 'deepthings', 'deeperthings', 'aofl', 'offload'] as const
/**
 * `auto` starts from what `distredge` has learned in the same room beside its own plans, as in a room in which practice has
 * run: in prediction it cannot be behind. `auto alone` does not know it and trains nothing.
 */
export const COMPARED = [...BASELINES, 'local', 'edgeld', 'distredge', 'auto', 'auto alone'] as const
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

/** One row still to be made; `key` names it in files. */
export interface ComparisonTask {
  readonly key: string
  readonly run: () => Promise<ComparisonRow>
}

/** Bandwidths that follow each other for equal times. */
export const CHANGING = [300, 50, 200, 100] as const
/** Each of them holds for the time of so many images of the fastest method, within bounds. */
const PHASE_IMAGES = 12
const PHASE_MS = { least: 4_000, most: 8_000 } as const

type Room = readonly [wires: Wires, group: Group, link: number | 'changing']

const ROOMS: readonly Room[] = [
  ['roomful', 'four mixed', 50],
  ['roomful', 'four mixed', 100],
  ['roomful', 'four mixed', 200],
  ['roomful', 'four mixed', 300],
  ['roomful', 'four mixed', 'changing'],
  ['roomful', 'sixteen mixed', 200],
  ['published', 'four mixed', 50],
  ['published', 'four mixed', 300],
  ['published', 'four boards', 300],
  ['published', 'sixteen mixed', 200],
]

/** Rooms in which only the net most published about is compared. */
const MORE: readonly Room[] = [
  ['roomful', 'two slow two fast', 100],
  ['published', 'four mixed', 100],
  ['published', 'four mixed', 200],
  ['published', 'four boards', 50],
  ['published', 'four boards', 100],
]

/** Net and room of the rows of a quick run: where the methods differ most, and where they should not. */
const QUICK: readonly (readonly [net: string, ...Room])[] = [
  ['VGG-16', 'roomful', 'four mixed', 100],
  ['VGG-16', 'roomful', 'four mixed', 'changing'],
  ['VGG-16', 'roomful', 'two slow two fast', 100],
  ['VGG-16', 'published', 'four mixed', 50],
  ['ResNet-50', 'published', 'four mixed', 300],
  ['MobileNetV2', 'roomful', 'four mixed', 50],
]

/** Methods that a quick run plays under changing bandwidth, which takes longest to simulate: those that come near. */
const FAST: readonly Compared[] = ['coedge', 'offload', 'distredge', 'auto', 'auto alone']

export function comparisonTasks(nets: readonly Net[], quick: boolean, episodes: number): ComparisonTask[] {
  const rows = quick
    ? QUICK.flatMap(([name, ...room]) => nets.filter((net) => net.name === name).map((net) => ({ net, room })))
    : nets.flatMap((net, at) => (at === 0 ? [...ROOMS, ...MORE] : ROOMS).map((room) => ({ net, room })))
  return rows.map(({ net, room: [wires, group, link] }) => ({
    key: [net.name, wires, group, link].join('-').replaceAll(' ', '_'),
    run: () =>
      link === 'changing'
        ? changingRow(net, episodes, quick ? FAST : COMPARED)
        : steadyRow(net, wires, group, link, episodes),
  }))
}

async function steadyRow(net: Net, wires: Wires, group: Group, mbit: number, episodes: number): Promise<ComparisonRow> {
  const limits = limitsFor(wires, episodes)
  const json = roomJson(GROUPS[group], mbit, limits)
  const { topology, predictor } = readRoom(json)
  const predicted = noRates()
  const simulated = noRates()
  const learned: Plan[] = []
  for (const method of COMPARED) {
    const result = await planWith(nameOf(method), net.model, topology, predictor, knowing(method, limits, learned))
    if (!result.ok) continue
    if (method === 'distredge') learned.push(result.plan)
    predicted[method] = 1000 / result.plan.predicted.fullMs
    simulated[method] = await steadyRate(net.model, json, result.plan)
  }
  const link = String(mbit)
  return { net: net.name, wires, group, link, imagesPerSecond: simulated, predictedPerSecond: predicted }
}

async function changingRow(net: Net, episodes: number, methods: readonly Compared[]): Promise<ComparisonRow> {
  const room = roomJson(GROUPS['four mixed'], CHANGING[0], limitsFor('roomful', episodes))
  const { topology, predictor } = readRoom(room)
  const first = await planWith('auto', net.model, topology, predictor, { ...room.limits, learn: false })
  const imageMs = first.ok ? first.plan.predicted.fullMs : PHASE_MS.most
  const phaseMs = Math.min(PHASE_MS.most, Math.max(PHASE_MS.least, PHASE_IMAGES * imageMs))
  const rates = noRates()
  for (const method of methods) {
    const own = { ...room, limits: knowing(method, room.limits, []) }
    rates[method] = await changingRate(net.model, own, nameOf(method), CHANGING, phaseMs)
  }
  return { net: net.name, wires: 'roomful', group: 'four mixed', link: 'changing', imagesPerSecond: rates }
}

const nameOf = (method: Compared): string => (method === 'auto alone' ? 'auto' : method)

/** What the agent has learned already is not learned again. */
function knowing(method: Compared, limits: PlanningLimits, learned: readonly Plan[]): PlanningLimits {
  if (method === 'auto alone') return { ...limits, learn: false }
  return method === 'auto' && learned.length > 0 ? { ...limits, learn: false, known: learned } : limits
}

const noRates = (): Record<Compared, number> =>
  Object.fromEntries(COMPARED.map((method) => [method, 0])) as Record<Compared, number>
