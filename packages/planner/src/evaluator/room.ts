import type { Backend, DeviceId, DeviceProfile, Topology } from '@roomful/core'
import type { CodecModel } from '../predictor/codec.ts'
import type { ComputeModel } from '../predictor/compute.ts'
import { CPU_BACKENDS } from '../predictor/cpu.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import { MessageLink } from './message-link.ts'

/** One backend of one device: computes one stage at a time, beside the device's other backends. */
export interface Processor {
  readonly index: number
  readonly device: number
  /** Of the processor whose turns it takes: the device's first one of the CPU for all that compute there, else its own. */
  readonly turns: number
  readonly backend: Backend
  readonly compute: ComputeModel
  /** The speed in the profile, by which the runtime decides how long its sessions are. */
  readonly gmacsPerSecond: number
}

export interface RoomDevice {
  readonly index: number
  readonly id: DeviceId
  readonly name: string
  readonly memoryBytes: number
  readonly codec: CodecModel
  /** Indices into `processors`, in the profile's order (fastest first). */
  readonly processors: readonly number[]
}

export interface Excluded {
  readonly id: DeviceId
  readonly name: string
  /** A sentence's end: "is hidden". */
  readonly why: string
}

/** A topology with everything looked up once: devices and processors by index, links as a matrix. */
export interface Room {
  readonly topology: Topology
  readonly devices: readonly RoomDevice[]
  readonly processors: readonly Processor[]
  /** Index of the initiator in `devices`; always 0. */
  readonly initiator: 0
  /** `links[from][to]`; undefined on the diagonal and where there is none. */
  readonly links: readonly (readonly (MessageLink | undefined)[])[]
  /** Devices that the first screening left out (METHODS section 1), with the reason. */
  readonly excluded: readonly Excluded[]
}

/** Screens the devices (reachable, visible, lending, measured), then looks up what the predictor knows of the rest. */
export function compileRoom(topology: Topology, predictor: LatencyPredictor): Room {
  const own = topology.devices.find((device) => device.id === topology.initiator)
  const others = topology.devices.filter((device) => device.id !== topology.initiator)
  const excluded: Excluded[] = []
  const profiles: DeviceProfile[] = own === undefined ? [] : [own]
  for (const profile of others) {
    const why = screen(profile, topology, predictor)
    if (why === undefined) profiles.push(profile)
    else excluded.push({ id: profile.id, name: profile.name, why })
  }
  const processors: Processor[] = []
  const backendOf = (at: number): Backend => processors[at]?.backend ?? 'ort-webgpu'
  const devices = profiles.map((profile, index): RoomDevice => {
    const mine: number[] = []
    for (const { backend, gmacsPerSecond } of profile.backends) {
      const compute = predictor.compute(profile.id, backend)
      if (compute === undefined) continue
      const own = processors.length
      const cpu = CPU_BACKENDS.has(backend) ? mine.find((at) => CPU_BACKENDS.has(backendOf(at))) : undefined
      mine.push(own)
      processors.push({ index: own, device: index, turns: cpu ?? own, backend, compute, gmacsPerSecond })
    }
    return {
      index,
      id: profile.id,
      name: profile.name,
      memoryBytes: profile.memoryMb * 1e6,
      codec: predictor.codec(profile.id),
      processors: mine,
    }
  })
  const links = devices.map((a) =>
    devices.map((b) => {
      const link = a === b ? undefined : predictor.link(a.id, b.id)
      return link && new MessageLink(link)
    }),
  )
  return { topology, devices, processors, initiator: 0, links, excluded }
}

function screen(profile: DeviceProfile, topology: Topology, predictor: LatencyPredictor): string | undefined {
  if (profile.role !== 'worker') return 'only watches'
  if (!profile.lending) return 'does not lend its compute'
  if (!profile.visible) return 'is hidden'
  if (profile.backends.length === 0) return 'has not measured itself yet'
  if (predictor.link(topology.initiator, profile.id) === undefined) return 'is not linked to the initiator'
  return undefined
}
