import path from 'node:path'
import { type DeviceId, type Plan, seededRandom, type Topology } from '@roomful/core'
import { type PlannableModel, planCost, predictPlan, RoomPredictor, type RoomPredictorOptions } from '@roomful/planner'
import type { ServerOptions } from '@roomful/signaling-server'
import { DIST } from '../../../../e2e/rig/room.ts'
import { shippedModel } from '../planner/shipped.ts'
import { AloneBeside } from './alone/beside.ts'
import { Attempts } from './attempts.ts'
import { EmulatedRoom } from './emulated-room.ts'
import { currentCommit, currentLoad, environmentOf, relayCost } from './environment.ts'
import { extentOf } from './extent.ts'
import { PhysicalLimit } from './limits.ts'
import { measuredBlocks } from './measured-blocks.ts'
import { measuredRoom } from './measured-room.ts'
import { notesOf } from './notes.ts'
import { benchPictures, shuffledPictures } from './picture-stream.ts'
import { PictureSupply } from './picture-supply.ts'
import { plannedRun } from './planned-run.ts'
import { playEvents } from './playing.ts'
import type { RoomBenchOptions, RoomBenchResult } from './result.ts'
import { rowsOf } from './rows.ts'
import { RunTime } from './run-time.ts'
import { correctionBy, corrections, FIRST_PICTURES, meanSolo, NO_SOLO } from './solo.ts'
import { SoloAfter } from './solo-after.ts'
import { summaryOf } from './summary.ts'
import { measureThroughput } from './throughput.ts'
import { medianTraces } from './traces.ts'

const MAX_ACCURACY_LOSS = 0.01
/** As rooms plan: gains below the error of prediction are no reason for another device or message. */
const MARGIN = 0.15
/** Links that are warmed, the initiator's first; its own only in a quick run with streams or events, which needs the time. */
const QUICK_LINKS = 7
const MAX_LINKS = 10
/** What a run needs for its streams, about: the devices alone in three groups, three plans, with their warm-up. */
const STREAMS = 6
const STREAM_MS = 4_500
/** Before and after the events. */
const AROUND_EVENTS_MS = 22_000

/**
 * Measures, in one room of emulated devices, every method's plan in closed loops: blocks in which each method runs once,
 * in an order drawn anew, over the same pictures. METHODOLOGY.md says what the figures mean.
 * @throws RangeError where the scenario has no devices; Error where its model is not in the built page; `signal.reason`
 */
export async function benchRoom(options: RoomBenchOptions): Promise<RoomBenchResult> {
  const { scenario, quick = false, print = () => {}, signal } = options
  const seed = options.seed ?? scenario.seed
  const large = options.model?.large === true
  const extent = extentOf(quick, large, options.extent)
  const time = new RunTime(options.beganMs ?? performance.now(), extent.budgetMs, print)
  const loadBefore = currentLoad()
  const commit = currentCommit()
  const { model, modelName, folder, served } = await modelOf(options)
  const most = Math.max(FIRST_PICTURES, extent.picturesPerBlock * extent.blocks)
  const found = benchPictures(options.model?.address ?? scenario.model, most)
  const pictures = shuffledPictures(found, seededRandom(seed + 2))
  const relay = await relayCost()
  const [asking] = scenario.devices
  if (asking === undefined) throw new RangeError(`${scenario.name} has no devices`)
  time.say(`${scenario.name}: opening ${scenario.devices.length} devices`)
  const beside = { folder, model, device: asking, pictures: pictures.pictures.slice(0, FIRST_PICTURES) }
  await using alone = new AloneBeside(extent.methods, beside, signal)
  await using room = await EmulatedRoom.start(scenario, { seed, signal, ...served })
  const browsers = await browserVersions(room)
  const cpuShares = room.cpuMeans
  time.say('the room is up')
  const events = scenario.events.length > 0 && extent.blocks > 0
  const streams = extent.streamMs > 0 && (!quick || scenario.streams)
  const quickLinks = events || streams ? room.devices.size - 1 : QUICK_LINKS
  const links = quick && !large ? quickLinks : MAX_LINKS
  const attempts = new Attempts(signal)
  const measured = await measuredRoom({ room, model, pictures, extent, events, links, alone, attempts, time, signal })
  const { topology, known, answers } = measured
  const limits = { maxAccuracyLoss: MAX_ACCURACY_LOSS, margin: MARGIN, episodes: extent.episodes, seed }
  const without = options.model?.without ?? []
  const reservedMs =
    (streams ? STREAMS * (extent.streamMs + STREAM_MS) : 0) +
    (events ? Math.max(...scenario.events.map(({ atMs }) => atMs)) + AROUND_EVENTS_MS : 0)
  const planned = await plannedRun({
    room,
    model,
    measured,
    limits,
    extent,
    without,
    libraries: alone.libraries,
    reservedMs,
    quick,
    short: events,
    time,
    signal,
  })
  const { plans, learned, predictor } = planned
  const supply = new PictureSupply(pictures, FIRST_PICTURES)
  const after = new SoloAfter(measured.soloMs, quick)
  const { run, blocks, left } = await measuredBlocks({
    room,
    planned,
    pictures,
    supply,
    extent,
    alone,
    seed,
    reservedMs,
    afterMs: after.expectedMs,
    attempts,
    time,
    signal,
  })
  const remainingMs = time.remainingMs(reservedMs)
  const again =
    (await attempts.at('alone again', () => after.measure(room, { model, extent, plans, run, remainingMs, signal }))) ??
    NO_SOLO
  if (again.times.size > 0) time.say('alone again')
  const solo = meanSolo(measured.solo.times, again.times)
  const limit = await PhysicalLimit.of(model, topology, room.statedLinks(), solo)
  const throughput = streams
    ? await attempts.at('streams', () => measureThroughput(room, model, topology, predictor, extent, MARGIN))
    : undefined
  const played = answers && (await attempts.at('events', () => playEvents(room, answers, signal)))
  if (throughput !== undefined) time.say('streams done')
  if (played !== undefined) time.say('events done')
  // What was cut off in its last turn is no result.
  signal?.throwIfAborted()
  const environment = environmentOf({ browsers, commit, cpuShares, elapsedMs: time.elapsedMs, loadBefore, relay })
  const rows = rowsOf(plans, run.measured, {
    model,
    modelName,
    limit,
    unasked: (plan) => planCost(plan, model, topology, new RoomPredictor(topology, known))?.ms,
    speedFactor: again.times.size === 0 ? undefined : await speedFactor(model, topology, learned.options, solo),
    labels: pictures.labels,
    nameOf: (id) => room.nameOf(id as DeviceId),
  })
  const byName = (values: ReadonlyMap<DeviceId, number>) =>
    Object.fromEntries([...values].map(([id, value]) => [room.nameOf(id), value]))
  return {
    scenario: scenario.name,
    model: modelName,
    quick,
    extent,
    seed,
    rows,
    summary: summaryOf(rows, run.measured),
    notes: notesOf({
      remarks: [...(options.remarks ?? []), ...learned.notes, ...attempts.lost],
      quick,
      extent,
      planNotes: planned.notes,
      without: without.filter((method) => extent.methods.includes(method)),
      failed: run.failed,
      blocks,
      unsettled: run.unsettled,
      unsettledSolo: measured.solo.unsettled + again.unsettled,
      restless: measured.restless,
      large,
      pictures: {
        wanted: Math.min(pictures.pictures.length, blocks * planned.picturesPerBlock),
        distinct: pictures.distinct,
        labelled: pictures.labels !== undefined,
      },
      cpuShares,
      coldLinks: measured.coldLinks,
      silent: topology.devices.filter(({ id }) => !solo.has(id)).map(({ id }) => room.nameOf(id)),
      alone: alone.notes,
      left: [...planned.left, ...left],
      drift: byName(driftOf(measured.solo.times, again.times)),
      streamed: streams,
      loadBefore,
      cores: environment.cores,
      rows,
      played,
    }),
    ...(throughput === undefined ? {} : { throughput }),
    ...(played === undefined ? {} : { played }),
    environment,
    solo: byName(solo),
    soloBefore: byName(measured.solo.times),
    soloAfter: byName(again.times),
    measured: {
      gmacsPerSecond: Object.fromEntries(
        topology.devices.map(({ id, backends }) => [room.nameOf(id), backends[0]?.gmacsPerSecond ?? 0]),
      ),
      ...(learned.messageFactor === undefined ? {} : { messageFactor: learned.messageFactor }),
      asked: learned.asked,
      corrections: byName(new Map([...measured.corrections].map(([id, { factor }]) => [id, factor]))),
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

/** Solo times after the blocks over those before. */
function driftOf(
  before: ReadonlyMap<DeviceId, number>,
  after: ReadonlyMap<DeviceId, number>,
): ReadonlyMap<DeviceId, number> {
  return new Map(
    [...after].flatMap(([id, ms]): [DeviceId, number][] => {
      const beforeMs = before.get(id)
      return beforeMs === undefined ? [] : [[id, ms / beforeMs]]
    }),
  )
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
