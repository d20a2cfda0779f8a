import type { DeviceId, LinkProfile, Topology } from '@roomful/core'
import type { RoomSnapshot } from 'roomful'
import type { CpuMeans } from '../../../../e2e/rig/cpu-share.ts'
import type { Device } from '../../../../e2e/rig/device.ts'
import { RelayNetwork } from '../../../../e2e/rig/relay-network.ts'
import { Rig } from '../../../../e2e/rig/room.ts'
import { linkOf, type Scenario, type ScenarioDevice, shapeOf } from './scenario.ts'

/** While something is prepared that is not measured, every device may use the machine. */
const PREPARING_CORES = 1
const PROBES_WITHIN_MS = 20_000
const STARTING_CORES = 0.5

/** The devices and links of a scenario, running. */
export class EmulatedRoom implements AsyncDisposable {
  readonly scenario: Scenario
  readonly #rig: Rig
  readonly #network: RelayNetwork
  readonly #devices = new Map<string, Device>()
  readonly #ids = new Map<string, DeviceId>()

  private constructor(scenario: Scenario, rig: Rig, network: RelayNetwork) {
    this.scenario = scenario
    this.#rig = rig
    this.#network = network
  }

  /** Resolves when every device that is not late has measured itself and its links, at its CPU share. */
  static async start(scenario: Scenario, seed: number): Promise<EmulatedRoom> {
    const network = new RelayNetwork((a, b) => shapeOf(scenario, a, b), { seed })
    const rig = await Rig.start()
    const room = new EmulatedRoom(scenario, rig, network)
    try {
      const here = scenario.devices.filter(({ late }) => !late)
      // A device that measures itself while others load their pages on the same machine looks slower than it is.
      for (const some of inChunks(here)) {
        const opened = await Promise.all(some.map((device) => room.open(device)))
        await Promise.all(opened.map((device) => device.until('it has measured itself', hasMeasured)))
      }
      await Promise.all([...room.devices.values()].map((device) => device.ready(here.length - 1)))
      await room.initiator
        .until('all links are probed', linksProbed(here.length), PROBES_WITHIN_MS)
        // A link that nobody has probed is planned around; the run's notes will show it.
        .catch(() => {})
      return room
    } catch (error) {
      await room[Symbol.asyncDispose]()
      throw error
    }
  }

  get initiator(): Device {
    return this.device(this.scenario.devices[0]?.name ?? '')
  }

  /** Devices that are in the room by name. */
  get devices(): ReadonlyMap<string, Device> {
    return this.#devices
  }

  get network(): RelayNetwork {
    return this.#network
  }

  device(name: string): Device {
    const device = this.#devices.get(name)
    if (device === undefined) throw new Error(`${name} is not in the room`)
    return device
  }

  id(name: string): DeviceId {
    const id = this.#ids.get(name)
    if (id === undefined) throw new Error(`${name} has not joined`)
    return id
  }

  nameOf(id: DeviceId): string {
    return [...this.#ids].find(([, own]) => own === id)?.[0] ?? id
  }

  /** How the CPU shares are brought about. */
  get cpuMeans(): CpuMeans {
    return this.initiator.cpuMeans
  }

  async open(device: ScenarioDevice): Promise<Device> {
    const { name, cores, browser, mobile } = device
    const opened = await this.#rig.open({
      name,
      browser,
      mobile,
      cpu: { cores },
      links: this.#network.seat(name),
      model: this.scenario.model,
    })
    this.#devices.set(name, opened)
    this.#ids.set(name, (await opened.snapshot()).self.id)
    return opened
  }

  /** The device's process ends; nobody is told. */
  async kill(name: string): Promise<void> {
    const device = this.device(name)
    this.#devices.delete(name)
    await this.#rig.kill(device)
  }

  /** Runs `work` with all devices at the machine's speed, then gives them their shares back. */
  async prepared<T>(work: () => Promise<T>): Promise<T> {
    await this.#setCores(() => PREPARING_CORES)
    try {
      return await work()
    } finally {
      await this.#setCores(({ cores }) => cores)
    }
  }

  /** The room as the initiator's planner sees it now. */
  async topology(): Promise<Topology> {
    return topologyOf(await this.initiator.snapshot())
  }

  /** The links as the scenario states them, between the devices that are here; unlimited rates as 10 Gbit/s. */
  statedLinks(): LinkProfile[] {
    const names = [...this.#devices.keys()]
    return names.flatMap((a, index) =>
      names.slice(index + 1).map((b) => {
        const { rttMs, mbitPerSecond = 10_000 } = linkOf(this.scenario, a, b)
        return { a: this.id(a), b: this.id(b), rttMs, mbitPerSecond }
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig.close()
    await this.#network[Symbol.asyncDispose]()
  }

  async #setCores(coresOf: (device: ScenarioDevice) => number): Promise<void> {
    await Promise.all(this.scenario.devices.map((device) => this.#devices.get(device.name)?.changeCpu(coresOf(device))))
  }
}

const hasMeasured = ({ self, benchmark }: RoomSnapshot): boolean => self.backends.length > 0 && !benchmark.running

/** Devices that may start at once: together at most half a core, or one. */
function inChunks(devices: readonly ScenarioDevice[]): ScenarioDevice[][] {
  const chunks: ScenarioDevice[][] = []
  let cores = Number.POSITIVE_INFINITY
  for (const device of devices) {
    if (cores + device.cores > STARTING_CORES) {
      chunks.push([])
      cores = 0
    }
    chunks.at(-1)?.push(device)
    cores += device.cores
  }
  return chunks
}

function linksProbed(devices: number): (snapshot: RoomSnapshot) => boolean {
  return ({ links }) => links.length >= (devices * (devices - 1)) / 2
}

export function topologyOf({ self, peers, links }: RoomSnapshot): Topology {
  const connected = peers.filter(({ link }) => link === 'connected').map(({ profile }) => profile)
  const here = new Set<DeviceId>([self.id, ...connected.map(({ id }) => id)])
  return {
    initiator: self.id,
    devices: [self, ...connected],
    links: links.filter(({ a, b }) => here.has(a) && here.has(b)),
  }
}
