import type { Plan, Topology } from '@roomful/core'
import { type LatencyPredictor, type PlannableModel, planWith } from '@roomful/planner'
import type { Device } from '../../../../e2e/rig/device.ts'
import { installWarm } from './block-run.ts'
import { sendPictures } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import { benchFrames } from './picture-stream.ts'
import { localPlan, TOGETHER_CORES } from './solo.ts'

/** Frames per second of a stream. */
export interface StreamRow {
  readonly method: string
  /** The device that asks. */
  readonly on: string
  readonly framesPerSecond: number
  readonly frames: number
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
}

const DEADLINE_MS = 20_000
const WARM_MS = 300
/** Of a video, shown again and again. */
const FRAMES = 20

/**
 * Streams frames through every device alone (each asks itself), and from the initiator through the plans that are made for
 * throughput. Frames are always at hand: what limits is the room.
 */
export async function measureThroughput(
  room: EmulatedRoom,
  model: PlannableModel,
  topology: Topology,
  predictor: LatencyPredictor,
  extent: Extent,
): Promise<Throughput> {
  const rows: StreamRow[] = []
  const shown = benchFrames(FRAMES)
  await room.prepared(async () => {
    for (const device of room.devices.values()) {
      await sendPictures(device, shown, 'benchFrames')
      const plan = await localPlan(model, device)
      await device.page.evaluate((wanted) => globalThis.roomful?.session.installPlan(wanted), plan)
      await stream(device, 2, WARM_MS)
    }
    await room.settled()
  })
  for (const names of room.chunks(TOGETHER_CORES)) {
    await pause()
    const alone = names.map(async (name): Promise<StreamRow> => {
      const { frames, failed, ms } = await stream(room.device(name), 2, extent.streamMs)
      const framesPerSecond = (frames / ms) * 1000
      return { method: 'local', on: name, framesPerSecond, frames, failed, window: 2, devices: [name] }
    })
    rows.push(...(await Promise.all(alone)))
  }
  for (const { method, plan } of await planned(model, topology, predictor)) {
    const devices = [...new Set(plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => room.nameOf(device))))]
    const window = Math.max(2, 2 * plan.volumes.length)
    await installWarm(room, plan)
    await pause()
    const { frames, failed, ms } = await stream(room.initiator, window, extent.streamMs)
    rows.push({
      method,
      on: room.initiator.name,
      framesPerSecond: (frames / ms) * 1000,
      frames,
      failed,
      window,
      devices,
      predictedPerSecond: plan.predicted.throughputPerSecond,
    })
  }
  return throughputOf(rows)
}

export function throughputOf(rows: readonly StreamRow[]): Throughput {
  const single = rows.filter(({ method }) => method === 'local').map(({ framesPerSecond }) => framesPerSecond)
  const best = Math.max(
    ...rows.filter(({ method }) => method !== 'local').map(({ framesPerSecond }) => framesPerSecond),
  )
  const known = Number.isFinite(best) && single.length > 0
  return {
    rows,
    ratioToBestSingle: known ? best / Math.max(...single) : null,
    shareOfSum: known ? best / single.reduce((sum, each) => sum + each, 0) : null,
  }
}

async function planned(model: PlannableModel, topology: Topology, predictor: LatencyPredictor) {
  const plans: { method: string; plan: Plan }[] = []
  for (const exits of [false, true]) {
    const result = await planWith('auto', model, topology, predictor, {
      objective: 'throughput',
      exits,
      maxAccuracyLoss: 0.01,
    })
    if (result.ok) plans.push({ method: exits ? 'pipeline+exits' : 'pipeline', plan: result.plan })
  }
  return plans
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 300))

/** Answers that came within `forMs` of the first frame, and how long that took. */
function stream(device: Device, window: number, forMs: number) {
  return device.page.evaluate(
    async ({ window, forMs, deadlineMs }) => {
      const session = globalThis.roomful?.session
      const held = globalThis.benchFrames ?? globalThis.benchPictures
      if (session === undefined || held === undefined) throw new Error('the page is not ready to be measured')
      const beginMs = performance.now()
      const failedBefore = session.snapshot.stats.failed
      async function* frames() {
        for (let i = 0; performance.now() - beginMs < forMs; i++) {
          const shown = held?.[i % held.length]
          if (shown !== undefined) yield shown
          // The newest frame waits while the window is full: a new one every few milliseconds keeps it filled.
          await new Promise((resolve) => setTimeout(resolve, 4))
        }
      }
      let count = 0
      let lastMs = beginMs
      for await (const _ of session.inferStream(frames(), { window, deadlineMs, cache: false })) {
        count++
        lastMs = performance.now()
      }
      return { frames: count, failed: session.snapshot.stats.failed - failedBefore, ms: Math.max(1, lastMs - beginMs) }
    },
    { window, forMs, deadlineMs: DEADLINE_MS },
  )
}
