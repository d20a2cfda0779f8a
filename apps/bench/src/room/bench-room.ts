import path from 'node:path'
import { type DeviceId, errorText, type Plan, seededRandom, type Topology, type Trace } from '@roomful/core'
import {
  IN_BROWSERS,
  type PlannableModel,
  planCost,
  predictPlan,
  RoomPredictor,
  type RoomPredictorOptions,
} from '@roomful/planner'
import type { ServerOptions } from '@roomful/signaling-server'
import { DIST } from '../../../../e2e/rig/room.ts'
import { shippedModel } from '../planner/shipped.ts'
import { AloneBeside } from './alone/beside.ts'
import { type Asked, learnByAsking } from './asked.ts'
import type { MeasuredBlock } from './block-means.ts'
import { BlockRun, installWarm } from './block-run.ts'
import { EmulatedRoom } from './emulated-room.ts'
import { currentCommit, currentLoad, type Environment, environmentOf, relayCost } from './environment.ts'
import { type Extent, FULL, LARGE, QUICK } from './extent.ts'
import { PhysicalLimit } from './limits.ts'
import { type MethodPlan, planMethods, withLibraries } from './methods.ts'
import { notesOf } from './notes.ts'
import { benchPictures, shuffledPictures } from './picture-stream.ts'
import { PictureSupply, picturesFor } from './picture-supply.ts'
import { EVENT_PICTURES, type Played, playEvents } from './playing.ts'
import { type RoomRow, rowsOf } from './rows.ts'
import type { Scenario } from './scenario.ts'
import { leftOut, nextBlock, sittingOut } from './sitting-out.ts'
import {
  aloneAsMeasured,
  correctionBy,
  corrections,
  FIRST_PICTURES,
  localPlan,
  meanSolo,
  prepareSolo,
  soloTimes,
  warmLinks,
} from './solo.ts'
import { SoloAfter } from './solo-after.ts'
import { type RoomSummary, summaryOf } from './summary.ts'
import { measureThroughput, type Throughput } from './throughput.ts'
import { medianTraces, type RequestTrace } from './traces.ts'

/** Another model than the scenario's, prepared and served. */
export interface BenchModel {
  readonly name: string
  /** Address relative to the page. */
  readonly address: string
  /** The package on disk. */
  readonly folder: string
  /** What is served instead of the built page: the page and this model. */
  readonly site: string
  /** So large that a quick run needs more time (`LARGE`). */
  readonly large?: boolean
  /** Left out of the methods: rivals that would take minutes with a large net. */
  readonly without?: readonly string[]
}

export interface RoomBenchOptions {
  readonly scenario: Scenario
  /** Three short blocks of the methods that stand for the others; ends within three minutes on two cores. */
  readonly quick?: boolean
  /** Orders, pictures, losses. Default: the scenario's. */
  readonly seed?: number
  readonly model?: BenchModel
  /** Less than a quick or full run: for functional tests. */
  readonly extent?: Partial<Extent>
  /** What else a reader of the figures must know; the first of the notes. */
  readonly remarks?: readonly string[]
  /** When the command began, by `performance.now()`: what it did before counts too. Default: now. */
  readonly beganMs?: number
  readonly signal?: AbortSignal
  readonly print?: (line: string) => void
}

export interface RoomBenchResult {
  readonly scenario: string
  readonly model: string
  readonly quick: boolean
  readonly seed: number
  readonly rows: readonly RoomRow[]
  readonly summary: RoomSummary
  readonly notes: readonly string[]
  /** Frames per second of streams. */
  readonly throughput?: Throughput
  /** How requests ended while the scenario's events were played, and before. */
  readonly played?: Played
  readonly environment: Environment
  /** Whole network alone on each device, nothing else running, mean in ms. */
  readonly solo: Readonly<Record<string, number>>
  /** What `solo` is the mean of: the loops before the blocks, by which was planned, and those after them, where there was time. */
  readonly soloBefore: Readonly<Record<string, number>>
  readonly soloAfter: Readonly<Record<string, number>>
  /** What the planners were given: the devices' own measurements and the probed links, by name. */
  readonly measured: {
    readonly gmacsPerSecond: Readonly<Record<string, number>>
    /** What the initiator's messages cost, over what is usual; absent where no plan's time told. */
    readonly messageFactor?: number
    /** The plans that were asked before planning, in their order. */
    readonly asked: readonly Asked[]
    /** Solo time over what the profile predicts. */
    readonly corrections: Readonly<Record<string, number>>
    readonly links: readonly { readonly between: string; readonly rttMs: number; readonly mbitPerSecond: number }[]
  }
  readonly plans: readonly MethodPlan[]
  readonly samples: readonly MeasuredBlock[]
  /** Of each method the request of median length in its last block. */
  readonly traces: Readonly<Record<string, Trace>>
  /** Of every answered request of the blocks; not printed with the result. */
  readonly requestTraces: readonly RequestTrace[]
  /** The devices' names by id, those included that left. */
  readonly names: Readonly<Record<string, string>>
}

const MAX_ACCURACY_LOSS = 0.01
const CALM_MS = 2_000
/** As rooms plan: gains below the error of prediction are no reason for another device or message. */
const MARGIN = 0.15
/** Links that are warmed, the initiator's first; its own only in a quick run with streams or events, which needs the time. */
const QUICK_LINKS = 7
const MAX_LINKS = 10
/** What a run needs for its streams, about: the devices alone in three groups, three plans, with their warm-up. */
const STREAMS = 6
const STREAM_MS = 4_500
/** The local plan is installed on the initiator once more. */
const SOLO_PREPARED_MS = 2_000
/** Before and after the events, the answers of one device alone among it. */
const AROUND_EVENTS_MS = 27_000

/**
 * Measures, in one room of emulated devices, every method's plan in closed loops: blocks in which each method runs once,
 * in an order drawn anew, over the same pictures. METHODOLOGY.md says what the figures mean.
 */
export async function benchRoom(options: RoomBenchOptions): Promise<RoomBenchResult> {
  const { scenario, quick = false, print = () => {}, signal } = options
  const seed = options.seed ?? scenario.seed
  const large = quick && options.model?.large === true
  const extent = { ...(quick ? QUICK : FULL), ...(large ? LARGE : {}), ...options.extent }
  const beginMs = options.beganMs ?? performance.now()
  const random = seededRandom(seed)
  const loadBefore = currentLoad()
  const commit = currentCommit()
  const say = (line: string) => print(`${((performance.now() - beginMs) / 1000).toFixed(0)} s: ${line}`)
  const { model, modelName, folder, served } = await modelOf(options)
  const most = Math.max(FIRST_PICTURES, extent.picturesPerBlock * extent.blocks)
  const found = benchPictures(options.model?.address ?? scenario.model, most)
  const pictures = shuffledPictures(found, seededRandom(seed + 2))
  const relay = await relayCost()
  const [asking] = scenario.devices
  if (asking === undefined) throw new RangeError(`${scenario.name} has no devices`)
  say(`${scenario.name}: opening ${scenario.devices.length} devices`)
  const beside = { folder, model, device: asking, pictures: pictures.pictures.slice(0, FIRST_PICTURES) }
  await using alone = new AloneBeside(extent.methods, beside)
  await using room = await EmulatedRoom.start(scenario, { seed, signal, ...served })
  const browsers = await browserVersions(room)
  const cpuShares = room.cpuMeans
  say('the room is up')
  await prepareSolo(room, model, pictures, extent)
  const events = scenario.events.length > 0 && extent.blocks > 0
  const streams = extent.streamMs > 0 && (!quick || scenario.streams)
  const links = quick && !large ? (events || streams ? room.devices.size - 1 : QUICK_LINKS) : MAX_LINKS
  const coldLinks = await warmLinks(room, model, extent, links)
  say('links are warm')
  // The links' plans are gone before anything is timed.
  await installWarm(room, await localPlan(model, room.initiator))
  await alone.ready()
  await room.measure()
  say('the devices have measured themselves')
  await aloneAsMeasured(room, model, extent)
  await room.linksAtRest(extent.atRestMs, signal)
  say('the links are at rest')
  const soloStartMs = performance.now()
  const soloBefore = await soloTimes(room, { extent, signal })
  const soloMs = performance.now() - soloStartMs
  // Links are planned for as they are between requests, not as a saturated device just now saw them.
  await new Promise((resolve) => setTimeout(resolve, CALM_MS))
  const topology = await room.topology()
  for (const [id, ms] of soloBefore) say(`${room.nameOf(id)} alone: ${ms.toFixed(1)} ms`)
  const factors = await corrections(model, topology, soloBefore)
  const known = { ...IN_BROWSERS, correction: correctionBy(factors) }
  const limits = { maxAccuracyLoss: MAX_ACCURACY_LOSS, margin: MARGIN, episodes: extent.episodes, seed }
  const learned = await learnByAsking({ room, model, topology, known, limits, extent, signal })
  for (const { method, devices, ms, predictedMs } of learned.asked)
    say(`${method} asked, ${devices.join(', ')}: ${ms.toFixed(0)} ms, predicted ${predictedMs.toFixed(0)}`)
  const predictor = new RoomPredictor(topology, learned.options)
  const methods = extent.methods.filter((method) => options.model?.without?.includes(method) !== true)
  const planned = await planMethods(methods, model, topology, predictor, limits)
  const local = await localPlan(model, room.initiator)
  const possible = withLibraries(alone.libraries, planned.plans, local)
  const reservedMs =
    (streams ? STREAMS * (extent.streamMs + STREAM_MS) : 0) +
    (events ? Math.max(...scenario.events.map(({ atMs }) => atMs)) + AROUND_EVENTS_MS : 0)
  const remainingMs = () => extent.budgetMs - reservedMs - (performance.now() - beginMs)
  // Who is far behind anyway does not cost a quick run its end in time, nor one with events its second block.
  const behind = quick ? leftOut(possible, extent, { remainingMs: remainingMs(), short: events }) : []
  const plans = possible.filter(({ method }) => !behind.some((one) => one.method === method))
  say(
    `planned: ${plans.map(({ method, sameAs }) => (sameAs === undefined ? method : `${method}=${sameAs}`)).join(' ')}`,
  )
  const perBlock = picturesFor(extent, planned.plans)
  const supply = new PictureSupply(pictures, FIRST_PICTURES)
  const run = new BlockRun(room, plans, { pictures, perBlock, extent, seed, alone: alone.page })
  const after = new SoloAfter(soloMs + SOLO_PREPARED_MS, quick)
  const left = behind.map(
    ({ method, times }) =>
      `${method}: not run: predicted at ${times.toFixed(1)} x the best rival, and there was no time for all`,
  )
  let blocks = 0
  for (; blocks < extent.blocks; blocks++) {
    const startMs = performance.now()
    if (blocks > 0) {
      // The second block is worth more than solo loops after it, the third is not.
      const forBlocksMs = remainingMs() - (blocks > 1 ? after.expectedMs : 0)
      const { goOn, leave } = nextBlock({
        plans,
        measured: run.measured,
        turnMs: run.turnMs,
        remainingMs: forBlocksMs,
        above: extent.sitOutAbove,
      })
      if (goOn.length === 0) break
      left.push(...leave.map((one) => sittingOut(one, blocks)))
      run.sitOut(leave.map(({ method }) => method))
    }
    await supply.upTo((blocks + 1) * perBlock, room, alone.page)
    await run.block(blocks, random, signal)
    say(`block ${blocks + 1} of ${extent.blocks} in ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  }
  const soloAfter = await after.measure(room, { model, extent, plans, run, remainingMs: remainingMs(), signal })
  if (soloAfter.size > 0) say('alone again')
  const solo = meanSolo(soloBefore, soloAfter)
  const limit = await PhysicalLimit.of(model, topology, room.statedLinks(), solo)
  // What has been measured stands, whatever becomes of the rest.
  const lost: string[] = []
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      const result = await work()
      say(`${what} done`)
      return result
    } catch (error) {
      signal?.throwIfAborted()
      lost.push(`${what}: not measured: ${errorText(error).split('\n')[0]}`)
      return undefined
    }
  }
  const throughput = streams
    ? await attempt('streams', () => measureThroughput(room, model, topology, predictor, extent, MARGIN))
    : undefined
  if (events) await supply.upTo(EVENT_PICTURES, room, undefined)
  const played = events ? await attempt('events', () => playEvents(room, model, pictures, signal)) : undefined
  const environment = environmentOf({
    browsers,
    commit,
    cpuShares,
    elapsedMs: performance.now() - beginMs,
    loadBefore,
    relay,
  })
  const rows = rowsOf(plans, run.measured, {
    model,
    modelName,
    limit,
    unasked: (plan) => planCost(plan, model, topology, new RoomPredictor(topology, known))?.ms,
    speedFactor: soloAfter.size === 0 ? undefined : await speedFactor(model, topology, learned.options, solo),
    labels: pictures.labels,
    nameOf: (id) => room.nameOf(id as DeviceId),
  })
  return {
    scenario: scenario.name,
    model: modelName,
    quick,
    seed,
    rows,
    summary: summaryOf(rows, run.measured),
    notes: notesOf({
      remarks: [...(options.remarks ?? []), ...learned.notes, ...lost],
      quick,
      extent,
      planNotes: planned.notes,
      without: (options.model?.without ?? []).filter((method) => extent.methods.includes(method)),
      failed: run.failed,
      blocks,
      unsettled: run.unsettled,
      pictures: {
        wanted: Math.min(pictures.pictures.length, blocks * perBlock),
        distinct: pictures.distinct,
        labelled: pictures.labels !== undefined,
      },
      cpuShares,
      coldLinks,
      silent: topology.devices.filter(({ id }) => !solo.has(id)).map(({ id }) => room.nameOf(id)),
      alone: alone.notes,
      left,
      drift: Object.fromEntries(
        [...soloAfter].flatMap(([id, ms]) => {
          const before = soloBefore.get(id)
          return before === undefined ? [] : [[room.nameOf(id), ms / before]]
        }),
      ),
      streamed: streams,
      loadBefore,
      cores: environment.cores,
      rows,
      played,
    }),
    ...(throughput === undefined ? {} : { throughput }),
    ...(played === undefined ? {} : { played }),
    environment,
    solo: byName(room, solo),
    soloBefore: byName(room, soloBefore),
    soloAfter: byName(room, soloAfter),
    measured: {
      gmacsPerSecond: Object.fromEntries(
        topology.devices.map(({ id, backends }) => [room.nameOf(id), backends[0]?.gmacsPerSecond ?? 0]),
      ),
      ...(learned.messageFactor === undefined ? {} : { messageFactor: learned.messageFactor }),
      asked: learned.asked,
      corrections: byName(room, new Map([...factors].map(([id, { factor }]) => [id, factor]))),
      links: topology.links.map(({ a, b, rttMs, mbitPerSecond }) => ({
        between: `${room.nameOf(a)} ${room.nameOf(b)}`,
        rttMs,
        mbitPerSecond,
      })),
    },
    plans,
    samples: run.measured,
    traces: medianTraces(run.traces),
    requestTraces: run.traces,
    names: room.names,
  }
}

/** How much longer a plan is predicted to take at the mean of the solo times than at those that were planned by. */
async function speedFactor(
  model: PlannableModel,
  topology: Topology,
  learned: RoomPredictorOptions,
  solo: ReadonlyMap<DeviceId, number>,
) {
  const factors = await corrections(model, topology, solo)
  const planned = new RoomPredictor(topology, learned)
  const meant = new RoomPredictor(topology, { ...learned, correction: correctionBy(factors) })
  return (plan: Plan, exitShares: readonly number[]) => {
    const [then, now] = [planned, meant].map((by) => predictPlan(plan, model, topology, by, exitShares)?.latencyMs)
    return then === undefined || now === undefined ? undefined : now / then
  }
}

const byName = (room: EmulatedRoom, values: ReadonlyMap<DeviceId, number>) =>
  Object.fromEntries([...values].map(([id, value]) => [room.nameOf(id), value]))

async function modelOf({ scenario, model: wanted }: RoomBenchOptions): Promise<{
  model: PlannableModel
  modelName: string
  folder: string
  served: { model?: string; server?: Partial<ServerOptions> }
}> {
  // What the page is served, not what may have been trained since it was built.
  const folder = wanted?.folder ?? path.join(DIST, scenario.model)
  const model = await shippedModel(folder)
  if (model === undefined) throw new Error(`${folder} is not in the built page: run \`npm run build\``)
  if (wanted === undefined) return { model, modelName: path.basename(scenario.model), folder, served: {} }
  return { model, modelName: wanted.name, folder, served: { model: wanted.address, server: { dist: wanted.site } } }
}

async function browserVersions(room: EmulatedRoom): Promise<string[]> {
  const names = await Promise.all(
    [...room.devices.values()].map((device) => device.page.evaluate(() => navigator.userAgent)),
  )
  return [...new Set(names)]
}
