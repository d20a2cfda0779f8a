import type { Backend, BackendSpeed, DeviceId, DeviceProfile, LinkProfile, Plan, Topology } from '@roomful/core'
import {
  type LatencyPredictor,
  LinkModel,
  type PlannableModel,
  planWith,
  predictPlan,
  RoomPredictor,
} from '@roomful/planner'

/** What was measured of each device by itself: the whole network alone, nothing else running in the room. */
export type SoloTimes = ReadonlyMap<DeviceId, number>

/** A codec that costs nothing, in MB per second. */
const FREE = 1e12
/** A window that never waits for acknowledgements, in bytes. */
const OPEN = 1e12

/**
 * The least time that a plan could take with devices as fast as they were alone and links as the scenario states them
 * (METHODS.md section 6): the whole network takes a device what it took alone, on whatever backend, and a part of it as much of that as
 * its layers' fitted costs say; half a round trip and bytes over rate for each message, row exchanges and gathers included; no
 * packing, no start window, no fixed cost of a run, and nothing for what a run copies in and reads back.
 */
export class PhysicalLimit {
  readonly #model: PlannableModel
  readonly #topology: Topology
  readonly #predictor: LatencyPredictor

  private constructor(model: PlannableModel, topology: Topology, predictor: LatencyPredictor) {
    this.#model = model
    this.#topology = topology
    this.#predictor = predictor
  }

  /** `links`: the stated ones, not the probed. A device without a solo time keeps what its profile says. */
  static async of(
    model: PlannableModel,
    measured: Topology,
    links: readonly LinkProfile[],
    solo: SoloTimes,
  ): Promise<PhysicalLimit> {
    const devices = measured.devices.map(bare)
    const topology: Topology = { initiator: measured.initiator, devices, links }
    const corrections = new Map<string, number>()
    for (const [device, speed] of devices.flatMap((one) => one.backends.map((speed) => [one, speed] as const))) {
      const alone: Topology = { initiator: device.id, devices: [{ ...device, backends: [speed] }], links: [] }
      const local = await planWith(
        'local',
        model,
        alone,
        ideal(alone, () => 1),
        { exits: false },
      )
      const soloMs = solo.get(device.id)
      if (local.ok && soloMs !== undefined)
        corrections.set(`${device.id} ${speed.backend}`, soloMs / local.plan.predicted.fullMs)
    }
    const correction = (device: DeviceId, backend: Backend) => corrections.get(`${device} ${backend}`) ?? 1
    return new PhysicalLimit(model, topology, ideal(topology, correction))
  }

  /**
   * `exitShares`: share of requests answered at each of the model's exits, as measured; `hitShare`: share answered by the
   * cache, which is taken as free. undefined when the plan does not fit the room.
   */
  ofPlan(plan: Plan, exitShares: readonly number[] = [], hitShare = 0): number | undefined {
    const timeline = predictPlan(plan, this.#model, this.#topology, this.#predictor, exitShares)
    return timeline?.feasible === true ? timeline.latencyMs * (1 - hitShare) : undefined
  }
}

function bare(device: DeviceProfile): DeviceProfile {
  return { ...device, load: 0, backends: device.backends.map((speed) => ({ ...withoutRuns(speed), overheadMs: 0 })) }
}

/** Fitted costs of its layers, and not of the border of a run. */
function withoutRuns({ coefficients, ...speed }: BackendSpeed): BackendSpeed {
  const { run: _, ...layers } = coefficients ?? {}
  return { ...speed, coefficients: layers }
}

function ideal(topology: Topology, correction: (device: DeviceId, backend: Backend) => number): LatencyPredictor {
  const details = new Map(topology.devices.map(({ id }) => [id, { table: [], codecMbPerSecond: FREE }]))
  return new RoomPredictor(topology, { details, correction, startWindowBytes: () => OPEN })
}

/** Half a round trip plus bytes over rate. */
export function messageMs(link: { readonly rttMs: number; readonly mbitPerSecond: number }, bytes: number): number {
  return new LinkModel({ ...link, startWindowBytes: OPEN }).messageMs(bytes)
}
