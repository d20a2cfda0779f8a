import { type ExitName, sleep, systemClock } from '@roomful/core'
import { type PlannableModel, pointAt } from '@roomful/planner'
import { type Device, READY_MS } from '../../../../e2e/rig/device.ts'
import { inTime } from '../../../../e2e/rig/in-time.ts'
import { SETTLING, warm } from './block-run.ts'
import { closedLoop, type LoopSample, type TimedSample } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { firstLine } from './first-line.ts'
import type { BenchPictures } from './picture-stream.ts'
import { type Scenario, type ScenarioEvent, shapeOf } from './scenario.ts'
import { FIRST_PICTURES, localPlan } from './solo.ts'
import { mean, percentile } from './statistics.ts'

/** How the requests of a run ended. */
export interface Ends {
  readonly requests: number
  /** Answered with the label that one device alone gives at the same exit. */
  readonly right: number
  /** Answered otherwise, before the deadline. */
  readonly differing: number
  /** Ended with a typed error before the deadline, by reason. */
  readonly failed: Readonly<Record<string, number>>
  /** Ended in any way later than the deadline, or with an error without a reason. */
  readonly broken: number
  /** Answered after a second completion. */
  readonly recovered: number
  readonly meanMs: number
  readonly p95Ms: number
}

export interface Played {
  readonly deadlineMs: number
  readonly calm: Ends
  readonly eventful: Ends
  /** p95 with events over p95 without, in the same room. */
  readonly p95Ratio: number
  readonly events: readonly { readonly atMs: number; readonly what: string; readonly failed?: string }[]
  /** Every request with events: when it began and how it ended. */
  readonly samples: readonly TimedSample[]
}

/** What one device alone answers about each of the first pictures, by the exit that answers. */
export type AnswersAlone = ReadonlyMap<ExitName, readonly (number | undefined)[]>

const DEADLINE_MS = 5_000
/** A timer that ends a request at its deadline may itself be late on a throttled device. Answers get no grace. */
const GRACE_MS = 250
const CALM_MS = 8_000
/** After the last event the room is watched for this long. */
const AFTERWARDS_MS = 6_000
/** A device that comes starts at this share: at its own it would take a minute, at full speed it would disturb the others. */
const JOINING_CORES = 0.7

/**
 * Plays the scenario's events once while the room plans by itself and answers in a closed loop, after a calm stretch in the
 * same room. Every request must end with the label one device alone gives, or with a typed error before the deadline.
 */
export async function playEvents(room: EmulatedRoom, expected: AnswersAlone, signal?: AbortSignal): Promise<Played> {
  const { initiator, scenario } = room
  const labels = (picture: number, exit: ExitName | undefined) => expected.get(exit ?? 'final')?.[picture]
  await room.prepared(async () => {
    const planning = initiator.page.evaluate(() => globalThis.roomful?.session.planAutomatically({ exits: true }))
    await inTime(planning, READY_MS, `${initiator.name}: no plan was ready`)
    await warm(initiator)
    // As before any turn: else the calm is slowed by what is built in it, and the events look harmless.
    await room.settled(SETTLING)
  })
  await new Promise((resolve) => setTimeout(resolve, 300))
  const shown = expected.get('final')?.length ?? 0
  const calm = await timedLoop(initiator, shown, CALM_MS)
  signal?.throwIfAborted()
  const totalMs = Math.max(0, ...scenario.events.map(endOf)) + AFTERWARDS_MS
  const stop = new AbortController()
  const playing = play(room, scenario, signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]))
  try {
    const [samples, events] = await Promise.all([timedLoop(initiator, shown, totalMs), playing])
    const eventful = endsOf(samples, labels)
    const quiet = endsOf(calm, labels)
    return { deadlineMs: DEADLINE_MS, calm: quiet, eventful, p95Ratio: eventful.p95Ms / quiet.p95Ms, events, samples }
  } finally {
    // Where the loop has failed, no event may disturb what comes next in the room.
    stop.abort()
    await playing.catch(() => {})
  }
}

const endOf = (event: ScenarioEvent): number => event.atMs + ('forMs' in event ? event.forMs : 0)

export function endsOf(
  samples: readonly TimedSample[],
  expected: (picture: number, exit: ExitName | undefined) => number | undefined,
): Ends {
  const late = ({ ms, failed }: LoopSample) => ms > DEADLINE_MS + (failed === undefined ? 0 : GRACE_MS)
  const broken = samples.filter((sample) => late(sample) || (sample.failed !== undefined && !sample.typed))
  const kept = samples.filter((sample) => !broken.includes(sample))
  const answered = kept.filter(({ failed }) => failed === undefined)
  const right = answered.filter(({ picture, exit, label }) => label === expected(picture, exit))
  const failed: Record<string, number> = {}
  for (const sample of kept) if (sample.failed !== undefined) failed[sample.failed] = (failed[sample.failed] ?? 0) + 1
  const times = samples.map(({ ms }) => ms)
  return {
    requests: samples.length,
    right: right.length,
    differing: answered.length - right.length,
    failed,
    broken: broken.length,
    recovered: answered.filter(({ recovered }) => recovered !== undefined).length,
    meanMs: mean(times),
    p95Ms: percentile(times, 0.95),
  }
}

/**
 * Every exit that is asked by itself always answers. At full speed, and so before the devices measure themselves: what a room has learned
 * of a device is forgotten when its speeds are new ones.
 */
export async function answersAlone(
  room: EmulatedRoom,
  model: PlannableModel,
  { pictures }: BenchPictures,
): Promise<AnswersAlone> {
  const { initiator } = room
  const plan = await localPlan(model, initiator)
  const [volume] = plan.volumes
  const [shard] = volume?.shards ?? []
  if (volume === undefined || shard === undefined) throw new Error('the local plan is empty')
  const shown = Array.from({ length: Math.min(FIRST_PICTURES, pictures.length) }, (_, index) => index)
  const out = new Map<ExitName, (number | undefined)[]>()
  const plans = [
    { exit: 'final', plan },
    ...model.exits.map(({ name, point }) => ({
      exit: name,
      plan: {
        ...plan,
        volumes: [
          { ...volume, to: pointAt(model, point).tensor },
          { ...volume, from: pointAt(model, point).tensor },
        ],
        exits: [{ exit: name, device: shard.device, backend: shard.backend, threshold: 0, mode: 'wait' as const }],
      },
    })),
  ]
  await room.prepared(async () => {
    for (const { exit, plan: alone } of plans) {
      await initiator.installPlan(alone)
      const answers: (number | undefined)[] = []
      const loop = {
        pictures: shown,
        forMs: 60_000,
        minCount: shown.length,
        limitMs: 60_000,
        deadlineMs: 20_000,
        cache: false,
      }
      for (const { picture, label } of (await closedLoop(initiator, loop)).samples) answers[picture] = label
      out.set(exit, answers)
    }
  })
  return out
}

/** A closed loop over the first pictures, again and again, until `forMs` have passed. */
async function timedLoop(device: Device, pictures: number, forMs: number): Promise<readonly TimedSample[]> {
  const shown = Array.from({ length: pictures }, (_, index) => index)
  const loop = {
    pictures: shown,
    again: true,
    forMs,
    minCount: 0,
    limitMs: forMs,
    deadlineMs: DEADLINE_MS,
    cache: false,
  }
  return (await closedLoop(device, loop)).samples
}

/** Rejects when `signal` aborts, as soon as no event is going on any more: what was frozen or hidden is as before then. */
async function play(room: EmulatedRoom, scenario: Scenario, signal: AbortSignal): Promise<Played['events']> {
  const beginMs = performance.now()
  const played: { atMs: number; what: string; failed?: string }[] = []
  const running: Promise<void>[] = []
  try {
    for (const event of scenario.events.toSorted((a, b) => a.atMs - b.atMs)) {
      await sleep(systemClock, Math.max(0, event.atMs - (performance.now() - beginMs)), signal)
      const entry: { atMs: number; what: string; failed?: string } = {
        atMs: Math.round(performance.now() - beginMs),
        what: wordsOf(event),
      }
      played.push(entry)
      // A device takes its time to come; what follows does not wait for it.
      const done = act(room, scenario, event, signal).catch((error: unknown) => {
        entry.failed = firstLine(error)
      })
      running.push(done)
    }
  } finally {
    await Promise.all(running)
  }
  return played
}

function wordsOf(event: ScenarioEvent): string {
  if ('device' in event) return `${event.kind} ${event.device}${'forMs' in event ? ` for ${event.forMs} ms` : ''}`
  if (event.kind === 'signalling') return `signalling ${event.state}`
  if (event.kind === 'signalling-delay') return `signalling later by ${event.delayMs} ms each way`
  const { kind: _, atMs: _atMs, a, b, ...shape } = event
  return `link ${a} ${b} ${JSON.stringify(shape)}`
}

async function act(room: EmulatedRoom, scenario: Scenario, event: ScenarioEvent, signal: AbortSignal): Promise<void> {
  switch (event.kind) {
    case 'link': {
      const { a, b, rttMs, mbitPerSecond, jitterMs, lossProbability, blackhole, frozen } = event
      room.network.reshape(a, b, {
        ...shapeOf(scenario, a, b),
        ...(rttMs === undefined ? {} : { delayMs: rttMs / 2 }),
        ...(mbitPerSecond === undefined ? {} : { mbitPerSecond }),
        ...(jitterMs === undefined ? {} : { jitterMs }),
        ...(lossProbability === undefined ? {} : { lossProbability }),
        ...(blackhole === undefined ? {} : { blackhole }),
        ...(frozen === undefined ? {} : { frozen }),
      })
      return
    }
    case 'signalling': {
      const { signalling } = room.rig
      if (event.state === 'restarted') return room.rig.restartServer()
      return event.state === 'cut' ? signalling.cut() : signalling.restore()
    }
    case 'signalling-delay':
      return room.rig.signalling.delay(event.delayMs)
    case 'freeze': {
      const device = room.device(event.device)
      device.freeze()
      try {
        return await sleep(systemClock, event.forMs, signal)
      } finally {
        device.thaw()
      }
    }
    case 'hide': {
      const device = room.device(event.device)
      await device.setVisible(false)
      try {
        return await sleep(systemClock, event.forMs, signal)
      } finally {
        await device.setVisible(true)
      }
    }
    case 'cpu':
      return room.device(event.device).changeCpu(event.cores)
    case 'leave':
      return room.kill(event.device)
    case 'join': {
      const stated = scenario.devices.find(({ name }) => name === event.device)
      if (stated === undefined) return
      const device = await room.open(stated, Math.max(stated.cores, JOINING_CORES))
      return device.changeCpu(stated.cores)
    }
  }
}
