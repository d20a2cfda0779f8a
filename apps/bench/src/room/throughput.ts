import type { Plan, Schedule, Topology } from '@roomful/core'
import { type LatencyPredictor, type PlannableModel, planSchedule, planWith } from '@roomful/planner'
import { stagesOf } from '@roomful/runtime'
import type { Device } from '../../../../e2e/rig/device.ts'
import { inTime, PAGE_GRACE_MS } from '../../../../e2e/rig/in-time.ts'
import { installWarm, SETTLING } from './block-run.ts'
import { sendPictures } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import { devicesOf } from './methods.ts'
import { benchFrames } from './picture-stream.ts'
import { localPlan, SOLO_CORES, warmAgain } from './solo.ts'

/** Frames per second of a stream. */
export interface StreamRow {
  readonly method: string
  /** The device that asks. */
  readonly on: string
  readonly framesPerSecond: number
  /** Answered within the time that is measured. */
  readonly frames: number
  /** The share of them that an exit answered; absent where there was no answer. */
  readonly exitShare?: number
  /** Of the whole stream, its beginning and end included. */
  readonly failed: number
  /** Frames in flight at once. */
  readonly window: number
  readonly devices: readonly string[]
  /** What the planner expected; absent for a device alone. */
  readonly predictedPerSecond?: number
}

export interface Throughput {
  readonly rows: readonly StreamRow[]
  /** The best of the planned ones over the best single device. */
  readonly ratioToBestSingle: number | null
  /** The best of the planned ones over the sum of what all devices do alone. */
  readonly shareOfSum: number | null
  /** The same of the plans without exits: what is gained by sharing the work and not by leaving some of it out. */
  readonly withoutExits: { readonly ratioToBestSingle: number | null; readonly shareOfSum: number | null }
}

const DEADLINE_MS = 20_000
const WARM_MS = 300
/** Until as many frames are under way as there will be. */
const RAMP_MS = 1_000
const WARM_FRAMES = 6
/** Of a video, shown again and again. */
const FRAMES = 20

/**
 * Streams frames through every device alone (each asks itself, at once only where shares are so small that they hardly meet), then through the plans that are made for throughput, asked
 * from the initiator and from the device that is best alone. Frames are always at hand: what limits is the room.
 */
export async function measureThroughput(
  room: EmulatedRoom,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  extent: Extent,
  /** As rooms plan their schedules: `PlanningLimits.margin`. */
  margin: number,
): Promise<Throughput> {
  const rows: StreamRow[] = []
  const shown = benchFrames(FRAMES)
  await room.prepared(async () => {
    const ready = [...room.devices.values()].map(async (device) => {
      await sendPictures(device, shown, 'benchFrames')
      await device.installPlan(await localPlan(model, device))
      await stream(device, 2, WARM_MS)
    })
    await Promise.all(ready)
  })
  for (const group of room.groups(SOLO_CORES)) {
    await warmAgain(room, group, SETTLING)
    await pause()
    const alone = group.map(async (on) => {
      const measured = await stream(room.device(on), 2, extent.streamMs)
      return { method: 'local', on, ...measured, window: 2, devices: [on] }
    })
    rows.push(...(await Promise.all(alone)))
  }
  for (const device of askers(room, rows, extent)) {
    const seen = { ...topology, initiator: room.id(device.name) }
    const plans = await planned(seen, model, predictor, margin)
    for (const { method, plan, perSecond } of plans) {
      await installWarm(room, plan, WARM_FRAMES, device)
      await pause()
      const parts = 'volumes' in plan ? [plan] : plan.map((part) => part.plan)
      const measured = await stream(device, undefined, extent.streamMs)
      rows.push({
        method,
        on: device.name,
        ...measured,
        window: parts.reduce((sum, part) => sum + 2 * stagesOf(part), 0),
        devices: [...new Set(parts.flatMap(devicesOf))].map((id) => room.nameOf(id)),
        predictedPerSecond: perSecond,
      })
    }
  }
  return throughputOf(rows)
}

export function throughputOf(rows: readonly StreamRow[]): Throughput {
  const single = rows.filter(({ method }) => method === 'local').map(({ framesPerSecond }) => framesPerSecond)
  const planned = rows.filter(({ method }) => method !== 'local')
  const over = (streams: readonly StreamRow[]) => {
    const best = Math.max(...streams.map(({ framesPerSecond }) => framesPerSecond))
    const known = Number.isFinite(best) && single.length > 0
    return {
      ratioToBestSingle: known ? best / Math.max(...single) : null,
      shareOfSum: known ? best / single.reduce((sum, each) => sum + each, 0) : null,
    }
  }
  return { rows, ...over(planned), withoutExits: over(planned.filter(({ method }) => !method.endsWith('+exits'))) }
}

/** The device that is best alone (what does it gain by being in the room?) and, where there is time, the initiator. */
function askers(room: EmulatedRoom, alone: readonly StreamRow[], { allStreams }: Extent): Device[] {
  const [best] = alone.toSorted((a, b) => b.framesPerSecond - a.framesPerSecond)
  if (best === undefined) return [room.initiator]
  return [...new Set([...(allStreams ? [room.initiator] : []), room.device(best.on)])]
}

/** One plan whose volumes work as a pipeline; whole frames (and pipelines) in turn; the same with exits. */
async function planned(topology: Topology, model: PlannableModel, predictor: LatencyPredictor, margin: number) {
  const plans: { method: string; plan: Plan | Schedule; perSecond: number }[] = []
  const limits = { objective: 'throughput', maxAccuracyLoss: 0.01, margin } as const
  const chain = await planWith('chain', model, topology, predictor, { ...limits, exits: false })
  if (chain.ok) plans.push({ method: 'chain', plan: chain.plan, perSecond: chain.plan.predicted.throughputPerSecond })
  for (const exits of [false, true]) {
    const turns = planSchedule(model, topology, predictor, { ...limits, exits })
    if (!turns.ok) continue
    plans.push({ method: exits ? 'turns+exits' : 'turns', plan: turns.schedule, perSecond: turns.throughputPerSecond })
  }
  return plans
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 300))

type Measured = Pick<StreamRow, 'framesPerSecond' | 'frames' | 'failed' | 'exitShare'>

/**
 * A stream of `RAMP_MS + forMs`, every frame of it answered: counted are the answers that come within its last `forMs`.
 * Frames under way at the beginning of that time and at its end weigh each other up in the mean; answers come in the frames' order, so
 * that a slow device's frame may move a second's worth of them over either border.
 */
function stream(device: Device, window: number | undefined, forMs: number): Promise<Measured> {
  const streaming = device.page.evaluate(
    async ({ window, forMs, rampMs, deadlineMs }) => {
      const session = globalThis.roomful?.session
      const held = globalThis.benchFrames ?? globalThis.benchPictures
      if (session === undefined || held === undefined) throw new Error('the page is not ready to be measured')
      const failedBefore = session.snapshot.stats.failed
      const fromMs = performance.now() + rampMs
      const toMs = fromMs + forMs
      async function* offered() {
        for (let i = 0; performance.now() < toMs; i++) {
          const shown = held?.[i % held.length]
          if (shown !== undefined) yield shown
        }
      }
      const options = {
        frames: 'every',
        deadlineMs,
        cache: false,
        ...(window === undefined ? {} : { window }),
      } as const
      let frames = 0
      let early = 0
      for await (const { trace } of session.inferStream(offered(), options)) {
        const nowMs = performance.now()
        if (nowMs < fromMs || nowMs > toMs) continue
        frames++
        if (trace.exit !== 'final') early++
      }
      return {
        framesPerSecond: (frames / forMs) * 1000,
        frames,
        failed: session.snapshot.stats.failed - failedBefore,
        ...(frames > 0 ? { exitShare: early / frames } : {}),
      }
    },
    { window, forMs, rampMs: RAMP_MS, deadlineMs: DEADLINE_MS },
  )
  return inTime(streaming, RAMP_MS + forMs + DEADLINE_MS + PAGE_GRACE_MS, `${device.name}: a stream did not end`)
}
