import path from 'node:path'
import { type DeviceId, seededRandom, shuffled, type Trace } from '@roomful/core'
import { type PlannableModel, planWith, RoomPredictor } from '@roomful/planner'
import type { Device } from '../../../../e2e/rig/device.ts'
import { REPOSITORY } from '../../../../e2e/rig/room.ts'
import { shippedModel } from '../planner/shipped.ts'
import { closedLoop, type LoopOptions, sendPictures } from './closed-loop.ts'
import { EmulatedRoom } from './emulated-room.ts'
import { currentLoad, type Environment, environmentOf, relayCost } from './environment.ts'
import { PhysicalLimit } from './limits.ts'
import { ALL_METHODS, type MethodPlan, planForLink, planMethods, QUICK_METHODS } from './methods.ts'
import { type BenchPictures, benchPictures, blockStream } from './picture-stream.ts'
import { type MeasuredBlock, type RoomRow, rowsOf } from './rows.ts'
import type { Scenario } from './scenario.ts'
import { mean } from './statistics.ts'

export interface RoomBenchOptions {
  readonly scenario: Scenario
  /** Three short blocks of the methods that stand for the others; ends within three minutes on two cores. */
  readonly quick?: boolean
  /** Orders, pictures, losses. Default: the scenario's. */
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly print?: (line: string) => void
}

export interface RoomBenchResult {
  readonly scenario: string
  readonly quick: boolean
  readonly seed: number
  readonly rows: readonly RoomRow[]
  readonly notes: readonly string[]
  readonly environment: Environment
  /** Whole network alone on each device, nothing else running, mean in ms. */
  readonly solo: Readonly<Record<string, number>>
  /** What the planners were given: the devices' own measurements and the probed links, by name. */
  readonly measured: {
    readonly gmacsPerSecond: Readonly<Record<string, number>>
    readonly links: readonly { readonly between: string; readonly rttMs: number; readonly mbitPerSecond: number }[]
  }
  readonly plans: readonly MethodPlan[]
  readonly samples: readonly MeasuredBlock[]
  /** Of each method the request of median length in its last block. */
  readonly traces: Readonly<Record<string, Trace>>
}

interface Extent {
  readonly methods: readonly string[]
  readonly blocks: number
  readonly loopMs: number
  /** No block begins that would end after this. */
  readonly budgetMs: number
  readonly picturesPerBlock: number
  readonly episodes: number
}

const QUICK: Extent = {
  methods: QUICK_METHODS,
  blocks: 3,
  loopMs: 2_000,
  budgetMs: 150_000,
  picturesPerBlock: 60,
  episodes: 5,
}
const FULL: Extent = {
  methods: ALL_METHODS,
  blocks: 8,
  loopMs: 2_500,
  budgetMs: 1_800_000,
  picturesPerBlock: 100,
  episodes: 20,
}
const MIN_REQUESTS = 3
/** A loop of slow requests ends after this many times its length. */
const SLOW_FACTOR = 3
const DEADLINE_MS = 20_000
/** After a change of CPU shares the quotas' debts are paid by then. */
const SETTLE_MS = 300
/** The page measures "alone" once after its first answers; the run waits for that to be over. */
const ALONE_WITHIN_MS = 20_000
/** A link's figure moves by 0.3 of the difference with each transfer: after 8, 6 % of the first probe's error is left. */
const LINK_REQUESTS = 8
const MAX_WARM_LINKS = 10
const MAX_ACCURACY_LOSS = 0.01

/**
 * Measures, in one room of emulated devices, every method's plan in closed loops: blocks in which each method runs once,
 * in an order drawn anew, over the same pictures. METHODOLOGY.md says what the figures mean.
 */
export async function benchRoom(options: RoomBenchOptions): Promise<RoomBenchResult> {
  const { scenario, quick = false, print = () => {}, signal } = options
  const seed = options.seed ?? scenario.seed
  const extent = quick ? QUICK : FULL
  const beginMs = performance.now()
  const random = seededRandom(seed)
  const loadBefore = currentLoad()
  const model = await modelOf(scenario)
  const pictures = benchPictures(scenario.model, extent.picturesPerBlock * extent.blocks)
  const relay = await relayCost()
  print(`${scenario.name}: opening ${scenario.devices.length} devices`)
  await using room = await EmulatedRoom.start(scenario, seed)
  const browsers = await browserVersions(room)
  const cpuShares = room.cpuMeans
  const solo = await soloTimes(room, model, pictures, extent, signal)
  const coldLinks = await warmLinks(room, model, extent)
  const topology = await room.topology()
  for (const [id, ms] of solo) print(`${room.nameOf(id)} alone: ${ms.toFixed(1)} ms`)
  const limits = { maxAccuracyLoss: MAX_ACCURACY_LOSS, episodes: extent.episodes, seed }
  const planned = await planMethods(extent.methods, model, topology, new RoomPredictor(topology), limits)
  const run = new BlockRun(room, planned.plans, pictures, extent, seed)
  let blocks = 0
  let longestMs = 0
  for (; blocks < extent.blocks; blocks++) {
    const startMs = performance.now()
    if (startMs - beginMs + longestMs > extent.budgetMs) break
    await run.block(blocks, random, signal)
    longestMs = Math.max(longestMs, performance.now() - startMs)
    print(`block ${blocks + 1} of ${extent.blocks} in ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  }
  const limit = await PhysicalLimit.of(model, topology, room.statedLinks(), solo)
  const left = new Set(run.failed.keys())
  const rows = rowsOf(
    planned.plans.filter(({ method, sameAs }) => !left.has(sameAs ?? method)),
    run.measured,
    {
      model,
      modelName: path.basename(scenario.model),
      limit,
      labels: pictures.labels,
      nameOf: (id) => room.nameOf(id as DeviceId),
    },
  )
  return {
    scenario: scenario.name,
    quick,
    seed,
    rows,
    notes: [
      ...planned.notes,
      ...[...run.failed].map(([method, why]) => `${method}: left out: ${why}`),
      ...(blocks < extent.blocks ? [`${blocks} of ${extent.blocks} blocks fit into the time`] : []),
      ...(pictures.labels === undefined ? ['generated pictures: no top-1'] : []),
      ...(cpuShares === 'cgroup' ? [] : [`CPU shares by ${cpuShares}: Workers are not slowed, figures do not compare`]),
      ...(coldLinks === 0 ? [] : [`${coldLinks} links are as first probed, while pages were loading`]),
      ...(scenario.events.length > 0 ? ['the events of the scenario are not played in this comparison'] : []),
      'tfjs alone: not measured (no GPU that TensorFlow.js could use)',
    ],
    environment: environmentOf({ browsers, cpuShares, loadBefore, relay }),
    solo: Object.fromEntries([...solo].map(([id, ms]) => [room.nameOf(id), ms])),
    measured: {
      gmacsPerSecond: Object.fromEntries(
        topology.devices.map(({ id, backends }) => [room.nameOf(id), backends[0]?.gmacsPerSecond ?? 0]),
      ),
      links: topology.links.map(({ a, b, rttMs, mbitPerSecond }) => ({
        between: `${room.nameOf(a)} ${room.nameOf(b)}`,
        rttMs,
        mbitPerSecond,
      })),
    },
    plans: planned.plans,
    samples: run.measured,
    traces: run.traces,
  }
}

/** Runs blocks and keeps what was measured. */
class BlockRun {
  readonly measured: MeasuredBlock[] = []
  readonly traces: Record<string, Trace> = {}
  /** Methods that could not be installed or answered nothing, with the reason: out of all blocks. */
  readonly failed = new Map<string, string>()
  readonly #room: EmulatedRoom
  readonly #plans: readonly MethodPlan[]
  readonly #extent: Extent
  readonly #streams: readonly (readonly number[])[]

  constructor(room: EmulatedRoom, plans: readonly MethodPlan[], pictures: BenchPictures, extent: Extent, seed: number) {
    this.#room = room
    this.#plans = plans.filter(({ sameAs }) => sameAs === undefined)
    this.#extent = extent
    const random = seededRandom(seed + 1)
    const order = shuffled([...pictures.pictures.keys()], random)
    this.#streams = Array.from({ length: extent.blocks }, (_, block) => {
      const fresh = order.slice(block * extent.picturesPerBlock, (block + 1) * extent.picturesPerBlock)
      return blockStream(fresh, room.scenario.repeats, random)
    })
  }

  async block(block: number, random: ReturnType<typeof seededRandom>, signal?: AbortSignal): Promise<void> {
    const { initiator } = this.#room
    for (const { method, plan, cache } of shuffled(this.#plans, random)) {
      signal?.throwIfAborted()
      if (this.failed.has(method)) continue
      try {
        await this.#room.prepared(async () => {
          await initiator.page.evaluate((wanted) => globalThis.roomful?.session.installPlan(wanted), plan)
        })
        const { samples, trace } = await measure(initiator, {
          ...loopOf(this.#extent, this.#streams[block] ?? []),
          cache,
        })
        if (samples.every(({ failed }) => failed !== undefined))
          throw new Error(samples[0]?.failed ?? 'no request ended')
        this.measured.push({ method, block, samples })
        if (trace !== undefined) this.traces[method] = trace
      } catch (error) {
        this.failed.set(method, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
      }
    }
  }
}

function loopOf({ loopMs }: Extent, pictures: readonly number[]): Omit<LoopOptions, 'cache'> {
  return { pictures, forMs: loopMs, minCount: MIN_REQUESTS, limitMs: SLOW_FACTOR * loopMs, deadlineMs: DEADLINE_MS }
}

/** A request that does not count, then the loop. */
async function measure(device: Device, options: LoopOptions) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const [first = 0] = options.pictures
  await closedLoop(device, { ...options, pictures: [first], cache: false })
  return closedLoop(device, options)
}

/** The whole network alone on every device, one after the other while the rest of the room does nothing. */
async function soloTimes(
  room: EmulatedRoom,
  model: PlannableModel,
  { pictures }: BenchPictures,
  extent: Extent,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<DeviceId, number>> {
  const shown = [...pictures.keys()].slice(0, extent.picturesPerBlock)
  await room.prepared(() =>
    Promise.all(
      [...room.devices.values()].map(async (device) => {
        await sendPictures(device, device === room.initiator ? pictures : pictures.slice(0, extent.picturesPerBlock))
        await runAlone(device, model, extent)
      }),
    ),
  )
  const out = new Map<DeviceId, number>()
  for (const device of room.devices.values()) {
    signal?.throwIfAborted()
    const { samples } = await measure(device, { ...loopOf(extent, shown), cache: false })
    const { self } = await device.snapshot()
    out.set(self.id, mean(samples.filter(({ failed }) => failed === undefined).map(({ ms }) => ms)))
  }
  return out
}

/**
 * Sends maps over the links, so that their figures are no longer those of the first probe, which ran while pages were
 * loading. The initiator's links come first; returns how many there was no time for.
 */
async function warmLinks(room: EmulatedRoom, model: PlannableModel, extent: Extent): Promise<number> {
  const topology = await room.topology()
  const links = room.statedLinks()
  const chosen = links.slice(0, MAX_WARM_LINKS)
  const pictures = Array.from({ length: LINK_REQUESTS }, (_, index) => index)
  const loop = { ...loopOf(extent, pictures), forMs: 0, minCount: LINK_REQUESTS, cache: false }
  await room.prepared(async () => {
    for (const { a, b } of chosen) {
      // Towards the initiator: a device learns a link's rate from what it receives only.
      const plan = planForLink(model, topology, b, a)
      await room.initiator.page.evaluate((wanted) => globalThis.roomful?.session.installPlan(wanted), plan)
      await closedLoop(room.initiator, loop)
    }
  })
  return links.length - chosen.length
}

/** Installs the local plan, and lets the page's own measurement of "alone" pass, which begins after first answers. */
async function runAlone(device: Device, model: PlannableModel, extent: Extent): Promise<void> {
  const { self } = await device.snapshot()
  const alone = { initiator: self.id, devices: [self], links: [] }
  const local = await planWith('local', model, alone, new RoomPredictor(alone), { exits: false })
  if (!local.ok) throw new Error(`${device.name} has no plan alone: ${local.message}`)
  await device.page.evaluate((plan) => globalThis.roomful?.session.installPlan(plan), local.plan)
  await closedLoop(device, { ...loopOf(extent, [0, 1]), forMs: 0, minCount: 2, cache: false })
  await device
    .until('it has measured itself alone', ({ stats }) => stats.aloneMs !== undefined, ALONE_WITHIN_MS)
    // Then it may disturb a block: the blocks' interval shows it.
    .catch(() => {})
}

async function modelOf({ model }: Scenario): Promise<PlannableModel> {
  // What the page is served, not what may have been trained since it was built.
  const found = await shippedModel(path.join(REPOSITORY, 'dist', model))
  if (found === undefined) throw new Error(`${model} is not in the built page: run \`npm run build\``)
  return found
}

async function browserVersions(room: EmulatedRoom): Promise<string[]> {
  const names = await Promise.all(
    [...room.devices.values()].map((device) => device.page.evaluate(() => navigator.userAgent)),
  )
  return [...new Set(names)]
}
