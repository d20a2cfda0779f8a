import type { DeviceId, Topology } from '@roomful/core'
import { IN_BROWSERS, type PlannableModel, type RoomPredictorOptions } from '@roomful/planner'
import type { AloneBeside } from './alone/beside.ts'
import type { Attempts } from './attempts.ts'
import { installWarm } from './block-run.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import type { BenchPictures } from './picture-stream.ts'
import { type AnswersAlone, answersAlone } from './playing.ts'
import type { RunTime } from './run-time.ts'
import {
  aloneAsMeasured,
  type Correction,
  correctionBy,
  corrections,
  localPlan,
  prepareSolo,
  type SoloTimes,
  soloTimes,
  warmLinks,
} from './solo.ts'

/** What the planners are told of a room: its devices and links as they were measured before any plan. */
export interface MeasuredRoom {
  readonly topology: Topology
  /** Links that nothing was sent over since they were probed while pages were loading. */
  readonly coldLinks: number
  readonly solo: SoloTimes
  /** Links were still being probed when the devices were measured alone. */
  readonly restless: boolean
  /** What taking them took, ms. */
  readonly soloMs: number
  readonly corrections: ReadonlyMap<DeviceId, Correction>
  /** What predictions know besides the profiles. */
  readonly known: RoomPredictorOptions
  /** Where events follow, and could be prepared. */
  readonly answers: AnswersAlone | undefined
}

export interface MeasuringContext {
  readonly room: EmulatedRoom
  readonly model: PlannableModel
  readonly pictures: BenchPictures
  readonly extent: Extent
  /** Events follow the blocks. */
  readonly events: boolean
  /** Links to warm at most, the initiator's first. */
  readonly links: number
  /** Opens beside the room; must be open before anything is timed. */
  readonly alone: AloneBeside
  /** What fails of the events' answers is a note. */
  readonly attempts: Attempts
  readonly time: RunTime
  readonly signal?: AbortSignal | undefined
}

const CALM_MS = 2_000

/** Steps 1 to 5 of METHODOLOGY.md: links warmed, devices measured at their shares, alone, and the snapshot that planners get. */
export async function measuredRoom(context: MeasuringContext): Promise<MeasuredRoom> {
  const { room, model, pictures, extent, events, links, alone, attempts, time, signal } = context
  await prepareSolo(room, model, pictures)
  const coldLinks = await warmLinks(room, model, extent, links)
  time.say('links are warm')
  const answers = events ? await attempts.at('events', () => answersAlone(room, model, pictures)) : undefined
  // The links' plans are gone before anything is timed.
  await installWarm(room, await localPlan(model, room.initiator))
  await alone.ready()
  await room.measure()
  time.say('the devices have measured themselves')
  await aloneAsMeasured(room, model)
  const restless = !(await room.linksAtRest(extent.atRestMs, signal))
  time.say(restless ? 'the links are not at rest' : 'the links are at rest')
  const startMs = performance.now()
  const solo = await soloTimes(room, { model, extent, signal })
  const soloMs = performance.now() - startMs
  // Links are planned for as they are between requests, not as a saturated device just now saw them.
  await new Promise((resolve) => setTimeout(resolve, CALM_MS))
  const topology = await room.topology()
  for (const [id, ms] of solo.times) time.say(`${room.nameOf(id)} alone: ${ms.toFixed(1)} ms`)
  const factors = await corrections(model, topology, solo.times)
  const known = { ...IN_BROWSERS, correction: correctionBy(factors) }
  return { topology, coldLinks, solo, restless, soloMs, corrections: factors, known, answers }
}
