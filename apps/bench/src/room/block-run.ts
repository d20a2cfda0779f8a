import { type Plan, type Random, type Schedule, seededRandom, shuffled } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'
import type { Settling } from '../../../../e2e/rig/settling.ts'
import type { Alone } from './alone/alone.ts'
import type { MeasuredBlock } from './block-means.ts'
import { closedLoop, type LoopOptions, type LoopResult, type LoopSample } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import { firstLine } from './first-line.ts'
import type { MethodPlan } from './methods.ts'
import { type BenchPictures, blockStream } from './picture-stream.ts'
import type { RequestTrace } from './traces.ts'

/** After a change of CPU shares the quotas' debts are paid by then. */
const SETTLE_MS = 300
/**
 * Requests at full speed before a plan is measured: after its first answer a device gets ready to complete alone, and browsers compile
 * scripts of the path that the plan takes. In later blocks that is done, and one is enough.
 */
export const WARM_REQUESTS = 6
/** All of them: a slow plan gets fewer. */
const WARM_LIMIT_MS = 10_000
/**
 * A device waits for up to two seconds of quiet before each session that it builds to complete a plan's requests alone: nets of which one
 * answer takes longer than this have sessions for which it waits so long, and then the whole net is not built in five seconds (VGG-19 not in
 * 40; what was left was built between the requests that were measured, and the initiator's rows took 1.6 x as long as those of others).
 */
const LARGE_MS = 1_000
/**
 * Of other nets each such session takes some 50 ms of processor, after at least 200 ms of quiet: with a quarter of a core in 250 ms taken for quiet,
 * they were built at the devices' shares, and the first eight requests of phone-laptop's offloading took 75 ms in the mean, those behind them 38.
 */
export const SETTLING = { quietMs: 700, share: 0.1 }
const LARGE_SETTLING = { quietMs: 2_500, timeoutMs: 120_000 }

/** How quiet browsers are to be before a plan is measured. */
export const settlingFor = (plan: Plan | Schedule): Settling =>
  'volumes' in plan && plan.predicted.fullMs > LARGE_MS ? LARGE_SETTLING : SETTLING

/** What a library answers has no story. */
type Turn = Omit<LoopResult, 'samples'> & { readonly samples: readonly LoopSample[] }

export interface BlockRunOptions {
  readonly pictures: BenchPictures
  /** Pictures of each block. */
  readonly perBlock: number
  readonly extent: Extent
  readonly seed: number
  /** The page of what runs alone; needed where the plans name a library. */
  readonly alone?: Alone | undefined
}

/** Runs blocks and keeps what was measured. */
export class BlockRun {
  readonly measured: MeasuredBlock[] = []
  readonly traces: RequestTrace[] = []
  /** Methods that could not be installed or answered nothing, with the block and the reason: no further block tries them. */
  readonly failed = new Map<string, string>()
  /** Turns that began although a browser was still at work in the background. */
  unsettled = 0
  readonly #room: EmulatedRoom
  readonly #plans: readonly MethodPlan[]
  readonly #extent: Extent
  readonly #streams: readonly (readonly number[])[]
  readonly #alone: Alone | undefined
  readonly #turnMs: Map<string, number>

  constructor(
    room: EmulatedRoom,
    plans: readonly MethodPlan[],
    { pictures, perBlock, extent, seed, alone }: BlockRunOptions,
  ) {
    this.#room = room
    this.#alone = alone
    this.#plans = plans.filter(({ sameAs }) => sameAs === undefined)
    this.#extent = extent
    this.#turnMs = new Map(this.#plans.map(({ method }) => [method, 0]))
    const random = seededRandom(seed + 1)
    this.#streams = Array.from({ length: extent.blocks }, (_, block) => {
      // Where pictures are few the blocks share them.
      const at = (index: number) => (block * perBlock + index) % pictures.distinct
      const fresh = Array.from({ length: Math.min(perBlock, pictures.distinct) }, (_, index) => at(index))
      return blockStream(fresh, room.scenario.repeats, random)
    })
  }

  /** What a turn of each method took that may have another one. */
  get turnMs(): ReadonlyMap<string, number> {
    return this.#turnMs
  }

  /** These have no further turn. */
  sitOut(methods: Iterable<string>): void {
    for (const method of methods) this.#turnMs.delete(method)
  }

  /** One turn of every method that has one, in an order drawn anew. */
  async block(block: number, random: Random, signal?: AbortSignal): Promise<void> {
    for (const entry of shuffled(this.#plans, random)) {
      signal?.throwIfAborted()
      const { method } = entry
      if (!this.#turnMs.has(method)) continue
      const startMs = performance.now()
      try {
        const { samples, traces } = await this.#turn(
          entry,
          this.#streams[block] ?? [],
          this.measured.some((one) => one.method === method),
        )
        this.measured.push({ method, block, samples })
        for (const [request, trace] of traces.entries()) {
          if (trace !== null) this.traces.push({ method, block, request, trace })
        }
        if (samples.every(({ failed }) => failed !== undefined))
          throw new Error(samples[0]?.failed ?? 'no request ended')
        this.#turnMs.set(method, performance.now() - startMs)
      } catch (error) {
        signal?.throwIfAborted()
        this.failed.set(method, `in block ${block + 1}: ${firstLine(error)}`)
        this.#turnMs.delete(method)
      }
    }
  }

  async #turn({ plan, cache, library }: MethodPlan, stream: readonly number[], again: boolean): Promise<Turn> {
    const loop = { ...loopOf(this.#extent, stream), cache }
    if (library === undefined) {
      if (!(await installWarm(this.#room, plan, again ? 1 : WARM_REQUESTS))) this.unsettled++
      return measureLoop(this.#room.initiator, loop)
    }
    if (this.#alone === undefined) throw new Error('it has no page')
    const quiet = await Promise.all([
      this.#alone.warm(library, settlingFor(plan)),
      this.#room.settled(settlingFor(plan)),
    ])
    if (quiet.includes(false)) this.unsettled++
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    return { samples: await this.#alone.measureLoop(library, loop), traces: [] }
  }
}

/** Installs a plan and warms it up with all devices at full speed, until nothing is built in the background any more; the result is whether it came to that. */
export async function installWarm(
  room: EmulatedRoom,
  plan: Plan | Schedule,
  requests = WARM_REQUESTS,
  device = room.initiator,
  forMs = 0,
): Promise<boolean> {
  return room.prepared(async () => {
    await device.installPlan(plan)
    await warm(device, requests, forMs)
    return room.settled(settlingFor(plan))
  })
}

/** Requests that do not count, one after the other, and for as long as `forMs`; fewer where they are slow. */
export async function warm(device: Device, requests = WARM_REQUESTS, forMs = 0): Promise<void> {
  await closedLoop(device, {
    pictures: Array.from({ length: requests }, (_, index) => index),
    again: forMs > 0,
    forMs,
    minCount: requests,
    limitMs: WARM_LIMIT_MS,
    deadlineMs: WARM_LIMIT_MS,
    cache: false,
  })
}

/** A request that does not count, then the loop. */
export async function measureLoop(device: Device, options: LoopOptions) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const [first = 0] = options.pictures
  await closedLoop(device, { ...options, pictures: [first], cache: false })
  return closedLoop(device, options)
}
