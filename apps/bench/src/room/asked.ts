import type { ExitName, Plan, Topology } from '@roomful/core'
import {
  KindLearning,
  messageFactorOf,
  type PlannableModel,
  type PlanningLimits,
  planKind,
  predictPlan,
  RoomPredictor,
  type RoomPredictorOptions,
  withMessages,
} from '@roomful/planner'
import type { Device } from '../../../../e2e/rig/device.ts'
import { installWarm, measureLoop, WARM_REQUESTS } from './block-run.ts'
import type { LoopOptions, LoopSample } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import { firstLine } from './first-line.ts'
import { planMethods } from './methods.ts'
import { FIRST_PICTURES } from './solo.ts'
import { mean } from './statistics.ts'

/** Plans that a room in use goes through before it keeps one, for each method; a short run has no time for as many. */
const MAX_KINDS = 5

/** At full speed, before a plan is asked. */
const WARM_MS = 1_000

/** A plan that was asked before planning. */
export interface Asked {
  readonly method: string
  /** Who computes, volume by volume. */
  readonly devices: readonly string[]
  readonly ms: number
  /** With what was known by then. */
  readonly predictedMs: number
}

/** What a room has learned from its own requests, as `PlanningHost` does. */
export interface Learned {
  readonly options: RoomPredictorOptions
  /** What the initiator's messages cost, over what is usual; absent where no plan's time told. */
  readonly messageFactor?: number
  readonly asked: readonly Asked[]
  /** Why a plan that was tried taught nothing, a sentence each. */
  readonly notes: readonly string[]
}

export interface AskingContext {
  readonly room: EmulatedRoom
  readonly model: PlannableModel
  readonly topology: Topology
  /** What else the planner is told of the room. */
  readonly known: RoomPredictorOptions
  readonly limits: PlanningLimits
  readonly extent: Extent
  readonly signal?: AbortSignal | undefined
}

/**
 * What plans of `auto` take over what is predicted of them, as a room in use learns it: the plan that it would take is asked in
 * closed loops, and it plans again with what that has shown, until it comes to a kind of plan that it has asked.
 */
export async function learnByAsking(context: AskingContext): Promise<Learned> {
  const { room, model, topology, limits, extent, signal } = context
  const lessons = new Lessons(context)
  const notes: string[] = []
  const shown = Array.from({ length: extent.picturesPerBlock }, (_, index) => index % FIRST_PICTURES)
  const endsAtMs = performance.now() + extent.askingMs
  for (const method of ['auto', 'auto+exits'].filter((name) => extent.methods.includes(name))) {
    for (let tried = 0; tried < MAX_KINDS; tried++) {
      signal?.throwIfAborted()
      const predictor = new RoomPredictor(topology, lessons.options)
      const { plans, notes: why } = await planMethods([method], model, topology, predictor, limits)
      const [found] = plans
      if (found === undefined) notes.push(...why.map((line) => `before planning: ${line}`))
      if (found === undefined || lessons.knows(found.plan)) break
      if (performance.now() >= endsAtMs) {
        notes.push(`${method}: no time to ask another plan before planning`)
        break
      }
      try {
        await installWarm(room, found.plan, WARM_REQUESTS, room.initiator, WARM_MS)
        const samples = await loopsOf(room.initiator, { ...loopOf(extent, shown), cache: false }, extent.askingLoops)
        const nothing = lessons.take(method, found.plan, samples)
        if (nothing === undefined) continue
        notes.push(`${method}: asked before planning, and taught nothing: ${nothing}`)
      } catch (error) {
        signal?.throwIfAborted()
        notes.push(`${method}: could not be asked before planning: ${firstLine(error)}`)
      }
      break
    }
  }
  const { options, messageFactor, asked } = lessons
  return { options, asked, notes, ...(messageFactor === undefined ? {} : { messageFactor }) }
}

/**
 * Where messages are a fifth of the first plan's prediction they explain what it takes over that; what is left, and what the others
 * take, is their kinds'.
 */
class Lessons {
  readonly asked: Asked[] = []
  messageFactor: number | undefined
  readonly #kinds = new KindLearning()
  readonly #c: AskingContext

  constructor(context: AskingContext) {
    this.#c = context
  }

  get options(): RoomPredictorOptions {
    return { ...this.#withMessages(this.messageFactor), kindFactor: (kind) => this.#kinds.factor(kind) }
  }

  knows(plan: Plan): boolean {
    return this.#kinds.has(planKind(plan, this.#c.topology.initiator))
  }

  /** @returns why there is nothing to learn; undefined where there was */
  take(method: string, plan: Plan, samples: readonly LoopSample[]): string | undefined {
    const { model, room, topology } = this.#c
    const seen = meanOf(samples)
    if (seen === undefined) return `nothing was answered (${samples[0]?.failed ?? 'no request'})`
    const shares = model.exits.map(({ name }) => seen.shares.get(name) ?? 0)
    const predict = (factor: number | undefined) =>
      predictPlan(plan, model, topology, new RoomPredictor(topology, this.#withMessages(factor)), shares)?.latencyMs
    const predictedMs = predict(this.messageFactor)
    if (predictedMs === undefined) return 'its time cannot be predicted'
    const kind = planKind(plan, topology.initiator)
    const devices = plan.volumes.map(({ shards }) => shards.map(({ device }) => room.nameOf(device)).join('+'))
    this.asked.push({ method, devices, ms: seen.ms, predictedMs: predictedMs * this.#kinds.factor(kind) })
    if (this.asked.length === 1) this.messageFactor = messageFactorOf(seen.ms, predict)
    this.#kinds.observe(kind, seen.ms, predict(this.messageFactor) ?? predictedMs)
    return undefined
  }

  #withMessages(factor: number | undefined): RoomPredictorOptions {
    const { known, topology } = this.#c
    return withMessages(known, topology.initiator, factor)
  }
}

/**
 * The samples of the last `count` of `count + 1` loops, fewer where one is not answered at all. In the first loop of a plan browsers still compile: one request in it took 100 to 190 ms where the
 * others take 25, three rooms of three.
 */
async function loopsOf(initiator: Device, loop: LoopOptions, count: number): Promise<readonly LoopSample[]> {
  const samples: LoopSample[] = []
  for (let turn = 0; turn <= count; turn++) {
    const found = await measureLoop(initiator, loop)
    if (turn > 0) samples.push(...found.samples)
    if (meanOf(found.samples) === undefined) return samples.length > 0 ? samples : found.samples
  }
  return samples
}

function meanOf(samples: readonly LoopSample[]): { ms: number; shares: ReadonlyMap<ExitName, number> } | undefined {
  const answered = samples.filter(({ failed }) => failed === undefined)
  if (answered.length === 0) return undefined
  const shares = new Map<ExitName, number>()
  for (const { exit } of answered) {
    if (exit !== undefined) shares.set(exit, (shares.get(exit) ?? 0) + 1 / answered.length)
  }
  return { ms: mean(answered.map(({ ms }) => ms)), shares }
}
