import type { BackendSpeed, DeviceId, LinkProfile, Topology } from '@roomful/core'
import type { ServerOptions } from '@roomful/signaling-server'
import type { RoomSnapshot } from 'roomful'
import type { CpuMeans } from '../../../../e2e/rig/cpu-share.ts'
import type { Device } from '../../../../e2e/rig/device.ts'
import { RelayNetwork } from '../../../../e2e/rig/relay-network.ts'
import { Rig } from '../../../../e2e/rig/room.ts'
import { type Settling, settled } from '../../../../e2e/rig/settling.ts'
import { linkOf, type Scenario, type ScenarioDevice, shapeOf } from './scenario.ts'
import { groupsWithin, withinCores } from './within-cores.ts'

/** While something is prepared that is not measured, every device may use the machine. */
const PREPARING_CORES = 1
const PROBES_WITHIN_MS = 8_000
/** Of one link that is at rest: beats and checks are 0.6 KB a second, probes hundreds. */
const REST_BYTES_PER_SECOND = 4096
const LOOK_MS = 1000
const QUIET_LOOKS = 3
/** Browsers that start at once, at full speed: more only wait for each other. */
const STARTING = 4
/** Shares of devices that measure themselves at once: more than this and they would slow each other down. */
const MEASURING_CORES = 1.25
/** Of a whole core. */
const EARLIER_GMACS = 12
/**
 * What devices claim until `measure`, as if from an earlier visit: that they measure themselves at full speed first would only
 * cost time, and sessions are as long as the device is slow.
 */
const earlier = (cores: number): readonly BackendSpeed[] =>
  (['ort-wasm', 'tfjs-wasm'] as const).map((backend) => ({
    backend,
    threads: 1,
    gmacsPerSecond: EARLIER_GMACS * Math.min(1, cores),
    overheadMs: 0.3,
    coefficients: {},
  }))
const WEAKEST_FIRST = ['none', 'cdp', 'cgroup'] as const

export interface EmulatedRoomOptions {
  readonly seed: number
  /** Address of the model package instead of the scenario's. */
  readonly model?: string
  readonly server?: Partial<ServerOptions>
  /** Ends every browser at once; what waits for one then rejects. */
  readonly signal?: AbortSignal | undefined
}

/** The devices and links of a scenario, running. */
export class EmulatedRoom implements AsyncDisposable {
  readonly scenario: Scenario
  readonly #rig: Rig
  readonly #network: RelayNetwork
  readonly #devices = new Map<string, Device>()
  readonly #ids = new Map<string, DeviceId>()
  /** Of all that have ever been here: a device that comes back has another id. */
  readonly #names = new Map<DeviceId, string>()
  readonly #model: string
  #closing: Promise<void> | undefined

  private constructor(scenario: Scenario, rig: Rig, network: RelayNetwork, model: string) {
    this.scenario = scenario
    this.#model = model
    this.#rig = rig
    this.#network = network
  }

  /**
   * Resolves when every device that is not late is linked with the others and has found its backends. All of it happens at
   * the machine's full speed: at a tenth of a core a browser takes a minute to start. `measure` follows.
   */
  static async start(scenario: Scenario, options: EmulatedRoomOptions): Promise<EmulatedRoom> {
    const network = new RelayNetwork((a, b) => shapeOf(scenario, a, b), { seed: options.seed })
    const rig = await Rig.start(options.server)
    const room = new EmulatedRoom(scenario, rig, network, options.model ?? scenario.model)
    options.signal?.addEventListener('abort', () => void room[Symbol.asyncDispose]().catch(() => {}), { once: true })
    try {
      options.signal?.throwIfAborted()
      const here = scenario.devices.filter(({ late }) => !late)
      for (let first = 0; first < here.length; first += STARTING) {
        const opened = await Promise.all(
          here.slice(first, first + STARTING).map((device) => room.open(device, PREPARING_CORES)),
        )
        await Promise.all(opened.map((device) => device.until('it has found its backends', hasMeasured)))
      }
      // Plans are installed by hand: nobody waits for one that a page makes by itself.
      await Promise.all(
        [...room.devices.values()].map((device) => device.until('model and links', canWork(here.length - 1))),
      )
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

  /** Gives every device its share; each then measures its backends at it, as a device of that speed would have. */
  async measure(): Promise<void> {
    await this.#setCores(({ cores }) => cores)
    await withinCores(this.#here(), MEASURING_CORES, (name) => this.device(name).measure())
  }

  /** Those that are here (or some of them) by name, parted so that the shares of each group fit into `cores`. */
  groups(cores: number, only: (name: string) => boolean = () => true): string[][] {
    const here = this.#here().filter(({ name }) => only(name))
    return groupsWithin(here, cores).map((group) => group.map(({ name }) => name))
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
    return this.#names.get(id) ?? id
  }

  /** By id, of all that have ever been here. */
  get names(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#names)
  }

  /** How the CPU shares are brought about: the weakest of the devices' means. */
  get cpuMeans(): CpuMeans {
    const used = new Set([...this.#devices.values()].map(({ cpuMeans }) => cpuMeans))
    return WEAKEST_FIRST.find((means) => used.has(means)) ?? 'none'
  }

  /** @param startCores what it starts with; what it claims is by its own share */
  async open(device: ScenarioDevice, startCores = device.cores): Promise<Device> {
    const { name, cores, browser, mobile, webgpu } = device
    const opened = await this.#rig.open({
      name,
      browser,
      mobile,
      webgpu,
      cpu: { cores: startCores },
      links: this.#network.seat(name),
      model: this.#model,
      // Chromium is started without GPU: there is nothing else to find.
      ...(browser === 'chromium' && !webgpu ? { speeds: earlier(cores) } : {}),
    })
    this.#devices.set(name, opened)
    const { id } = (await opened.snapshot()).self
    this.#ids.set(name, id)
    this.#names.set(id, name)
    return opened
  }

  /** The device's process ends; nobody is told. */
  async kill(name: string): Promise<void> {
    const device = this.device(name)
    this.#devices.delete(name)
    await this.#rig.kill(device)
  }

  /** Waits until no device builds anything in the background, all at the same time; the result is whether it came to that in time. */
  settled(settling: Settling = {}): Promise<boolean> {
    return settled([...this.#devices.values()], settling)
  }

  /**
   * Waits until nothing but beats passes over any link for three seconds: word of new speeds has links probed again, a second later or in the
   * next calm moment, which takes a room of eight weak devices ten seconds of most of their shares. The result is whether it came to that in `mostMs`.
   */
  async linksAtRest(mostMs: number, signal?: AbortSignal): Promise<boolean> {
    const endsAt = performance.now() + mostMs
    let quiet = 0
    for (let before = this.#network.bytes; quiet < QUIET_LOOKS && performance.now() < endsAt; ) {
      signal?.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      const { bytes } = this.#network
      const most = Math.max(0, ...[...bytes].map(([link, count]) => count - (before.get(link) ?? 0)))
      quiet = most <= (REST_BYTES_PER_SECOND * LOOK_MS) / 1000 ? quiet + 1 : 0
      before = bytes
    }
    return quiet >= QUIET_LOOKS
  }

  get rig(): Rig {
    return this.#rig
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

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#rig.close().finally(() => this.#network[Symbol.asyncDispose]())
    return this.#closing
  }

  #here(): readonly ScenarioDevice[] {
    return this.scenario.devices.filter(({ name }) => this.#devices.has(name))
  }

  async #setCores(coresOf: (device: ScenarioDevice) => number): Promise<void> {
    await Promise.all(this.scenario.devices.map((device) => this.#devices.get(device.name)?.changeCpu(coresOf(device))))
  }
}

const canWork =
  (peers: number) =>
  ({ modelState, benchmark, peers: others }: RoomSnapshot): boolean =>
    modelState === 'ready' && !benchmark.running && others.filter(({ link }) => link === 'connected').length >= peers

const hasMeasured = ({ self, benchmark }: RoomSnapshot): boolean => self.backends.length > 0 && !benchmark.running

function linksProbed(devices: number): (snapshot: RoomSnapshot) => boolean {
  return ({ links }) => links.length >= (devices * (devices - 1)) / 2
}

function topologyOf({ self, peers, links }: RoomSnapshot): Topology {
  const connected = peers.filter(({ link }) => link === 'connected').map(({ profile }) => profile)
  const here = new Set<DeviceId>([self.id, ...connected.map(({ id }) => id)])
  return {
    initiator: self.id,
    devices: [self, ...connected],
    links: links.filter(({ a, b }) => here.has(a) && here.has(b)),
  }
}
