import type { Backend, DeviceId, Topology } from '@roomful/core'
import { IN_BROWSERS, type PlannableModel, planWith, RoomPredictor } from '@roomful/planner'
import type { Device } from '../../../../e2e/rig/device.ts'
import type { Settling } from '../../../../e2e/rig/settling.ts'
import { measureLoop, settlingFor, warm } from './block-run.ts'
import { closedLoop, sendPictures } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import { planForLink } from './methods.ts'
import type { BenchPictures } from './picture-stream.ts'
import { mean } from './statistics.ts'

/** The page measures "alone" once after its first answers; the run waits for that to be over. */
const ALONE_WITHIN_MS = 10_000
/**
 * Shares that may run at once where times are to be what a device takes alone: the two cores of a machine are often one with two
 * threads, and quotas begin at the same time. Beside 0.6 of a core a tenth took half as long again; two quarters beside each other took
 * 1.3 times as long as one by itself, which is how a plan uses them.
 */
export const SOLO_CORES = 0.3
/**
 * Requests at full speed, for a few seconds at most, before anything is measured: with two a device of a quarter of a core was 13 % slower
 * alone than later, while its browser compiled, and plans that leave the work to it were predicted and bounded as much too slow.
 */
const WARM_REQUESTS = 12
/** When the room has just been opened: the page's own look at what it takes alone follows. */
const FIRST_REQUESTS = 2
/** What a device that has rested since is shown before it is measured. */
const RESTED_REQUESTS = 3
/** What every device is given; solo loops show them again and again: nothing is cached there. */
export const FIRST_PICTURES = 16

/** Gives every device its pictures and the plan to run alone by, at full speed. */
export async function prepareSolo(
  room: EmulatedRoom,
  model: PlannableModel,
  { pictures }: BenchPictures,
): Promise<void> {
  await room.prepared(async () => {
    await Promise.all(
      [...room.devices.values()].map(async (device) => {
        await sendPictures(device, pictures.slice(0, FIRST_PICTURES))
        await runAlone(device, model)
      }),
    )
    await room.settled()
  })
}

/** Mean times of the whole network alone, ms; a device that answered nothing before the deadline has none. */
export interface SoloTimes {
  readonly times: ReadonlyMap<DeviceId, number>
  /** Loops that began although a browser was still at work in the background. */
  readonly unsettled: number
}

export const NO_SOLO: SoloTimes = { times: new Map(), unsettled: 0 }

export interface SoloOptions {
  readonly model: PlannableModel
  readonly extent: Extent
  readonly signal?: AbortSignal | undefined
  /** Of the devices that are here. Default: all. */
  readonly only?: (name: string) => boolean
}

/**
 * Requests at full speed by the plans that the devices have, until nothing is built any more, as before each loop of a block. A page that has rested for
 * some seconds compiles and collects in its first requests: at 0.15 of a core a loop of three took 1,038 ms a request, the next ones, warmed up, 512 to 620.
 * The result is whether the browsers became quiet.
 */
export function warmAgain(room: EmulatedRoom, names: readonly string[], settling: Settling): Promise<boolean> {
  return room.prepared(async () => {
    await Promise.all(names.map((name) => warm(room.device(name), RESTED_REQUESTS)))
    return room.settled(settling)
  })
}

/**
 * The whole network alone on every device while nothing is sent over links, at once only where shares are so small that they
 * hardly meet.
 */
export async function soloTimes(room: EmulatedRoom, { model, extent, signal, only }: SoloOptions): Promise<SoloTimes> {
  const shown = Array.from({ length: extent.picturesPerBlock }, (_, index) => index % FIRST_PICTURES)
  const out = new Map<DeviceId, number>()
  const measure = async (name: string) => {
    const { samples } = await measureLoop(room.device(name), { ...loopOf(extent, shown), cache: false })
    const times = samples.filter(({ failed }) => failed === undefined).map(({ ms }) => ms)
    if (times.length > 0) out.set(room.id(name), mean(times))
  }
  const settling = settlingFor(await localPlan(model, room.initiator))
  let unsettled = 0
  for (const group of room.groups(SOLO_CORES, only)) {
    signal?.throwIfAborted()
    if (!(await warmAgain(room, group, settling))) unsettled += group.length
    await Promise.all(group.map(measure))
  }
  return { times: out, unsettled }
}

/**
 * Gives every device the plan alone that its measured speeds ask for (which engine, how long its sessions), and what it makes of the
 * news of all speeds the whole machine: at their shares devices were busy with that for seven seconds, and loops took up to twice as long.
 */
export async function aloneAsMeasured(room: EmulatedRoom, model: PlannableModel): Promise<void> {
  await room.prepared(async () => {
    await Promise.all([...room.devices.values()].map((device) => installAlone(device, model, WARM_REQUESTS)))
    await room.settled()
  })
}

/** Mean of a device's times before and after the blocks; of one of them where there is no other. */
export function meanSolo(
  before: ReadonlyMap<DeviceId, number>,
  after: ReadonlyMap<DeviceId, number>,
): ReadonlyMap<DeviceId, number> {
  const ids = new Set([...before.keys(), ...after.keys()])
  return new Map(
    [...ids].map((id): [DeviceId, number] => {
      const times = [before.get(id), after.get(id)].filter((ms) => ms !== undefined)
      return [id, mean(times)]
    }),
  )
}

/**
 * Sends maps over the links, so that their figures are no longer those of the first probe, which ran while pages were
 * loading. The initiator's links come first; returns how many there was no time for, or no map to send.
 */
export async function warmLinks(
  room: EmulatedRoom,
  model: PlannableModel,
  extent: Extent,
  most: number,
): Promise<number> {
  const topology = await room.topology()
  const links = room.statedLinks()
  const chosen = links.slice(0, most)
  const pictures = Array.from({ length: extent.linkRequests }, (_, index) => index)
  const loop = { ...loopOf(extent, pictures), forMs: 0, minCount: extent.linkRequests, cache: false }
  let warmed = 0
  const endsAtMs = performance.now() + extent.linksMs
  await room.prepared(async () => {
    for (const { a, b } of chosen) {
      if (performance.now() > endsAtMs) break
      // Towards the initiator: a device learns a link's rate from what it receives only.
      const plan = planForLink(model, topology, b, a)
      if (plan === undefined) continue
      await room.initiator.installPlan(plan)
      const { samples } = await closedLoop(room.initiator, loop)
      if (samples.some(({ failed }) => failed === undefined)) warmed++
    }
  })
  return links.length - warmed
}

/** Installs the local plan, and lets the page's own measurement of "alone" pass, which begins after first answers. */
async function runAlone(device: Device, model: PlannableModel): Promise<void> {
  await installAlone(device, model, FIRST_REQUESTS)
  await device
    .until('it has measured itself alone', ({ stats }) => stats.aloneMs !== undefined, ALONE_WITHIN_MS)
    // Then it may disturb a block: the blocks' interval shows it.
    .catch(() => {})
}

async function installAlone(device: Device, model: PlannableModel, requests: number): Promise<void> {
  const plan = await localPlan(model, device)
  await device.installPlan(plan)
  await warm(device, requests)
}

export async function localPlan(model: PlannableModel, device: Device) {
  const { self } = await device.snapshot()
  const alone: Topology = { initiator: self.id, devices: [self], links: [] }
  const local = await planWith('local', model, alone, new RoomPredictor(alone), { exits: false })
  if (!local.ok) throw new Error(`${device.name} has no plan alone: ${local.message}`)
  return local.plan
}

/** Of the engine that has run: nothing is learned of the device's others. */
export interface Correction {
  readonly backend: Backend
  readonly factor: number
}

export const correctionBy =
  (found: ReadonlyMap<DeviceId, Correction>) =>
  (device: DeviceId, backend: Backend): number => {
    const learned = found.get(device)
    return learned?.backend === backend ? learned.factor : 1
  }

/**
 * Factor per device by which the whole network alone takes longer than the profile says: what the devices' online
 * correction learns from requests like these, within its bounds.
 */
export async function corrections(
  model: PlannableModel,
  topology: Topology,
  solo: ReadonlyMap<DeviceId, number>,
): Promise<ReadonlyMap<DeviceId, Correction>> {
  const out = new Map<DeviceId, Correction>()
  for (const device of topology.devices) {
    const alone: Topology = { initiator: device.id, devices: [device], links: [] }
    const local = await planWith('local', model, alone, new RoomPredictor(alone, IN_BROWSERS), { exits: false })
    const soloMs = solo.get(device.id)
    if (local.ok && soloMs !== undefined) {
      const backend = local.plan.volumes[0]?.shards[0]?.backend
      const factor = Math.min(4, Math.max(0.25, soloMs / local.plan.predicted.latencyMs))
      if (backend !== undefined) out.set(device.id, { backend, factor })
    }
  }
  return out
}
