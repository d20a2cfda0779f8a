import {
  type Backend,
  type DeviceId,
  type ExitPlacement,
  type LayerVolume,
  type Plan,
  type Random,
  seededRandom,
  VirtualClock,
} from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import type { Room } from '@roomful/transport'
import { bareProfile, createMemoryNetwork, type LinkShape, type MemoryNetwork } from '@roomful/transport/testing'
import type { StagePart } from '../model/staged-model.ts'
import { Runtime, type RuntimeOptions } from '../runtime.ts'
import { tensorCodec } from '../wire/tensor-codec.ts'
import { FakeEngine, fakeEngines } from './fake-engine.ts'
import type { MiniNet } from './mini-net.ts'

export interface MiniDevice {
  readonly id: DeviceId
  readonly room: Room
  readonly runtime: Runtime
  readonly engines: ReturnType<typeof fakeEngines>
}

export interface MiniRoomOptions {
  readonly net: MiniNet
  readonly link?: Partial<LinkShape>
  readonly seed?: number
  /** Milliseconds per 10,000 multiply-accumulates, by device; default 1. */
  readonly speed?: (id: string, backend: Backend) => number
  /** Milliseconds to build a session; default 5. */
  readonly buildMs?: number
  readonly backends?: readonly Backend[]
  readonly runtime?: Partial<RuntimeOptions>
}

/** Devices with real runtimes on a memory network, a virtual clock and a tiny real network. */
export class MiniRoom {
  readonly clock = new VirtualClock()
  readonly random: Random
  readonly network: MemoryNetwork
  readonly devices = new Map<string, MiniDevice>()
  readonly #o: MiniRoomOptions

  constructor(options: MiniRoomOptions) {
    this.#o = options
    this.random = seededRandom(options.seed ?? 1)
    this.network = createMemoryNetwork({ clock: this.clock, random: this.random, link: options.link ?? {} })
  }

  /**
   * @param wrap what the runtime gets instead of its room, to watch it
   * @param more further options that need the room
   */
  join(
    id: string,
    own: Partial<RuntimeOptions> = {},
    wrap: (room: Room) => Room = (room) => room,
    more: (room: Room) => Partial<RuntimeOptions> = () => ({}),
  ): MiniDevice {
    const { net, speed = () => 1, buildMs = 5, backends = ['ort-wasm'], runtime: shared = {} } = this.#o
    const profile = {
      ...bareProfile(id),
      backends: backends.map((backend) => ({
        backend,
        threads: 1,
        gmacsPerSecond: 0.01 / speed(id, backend),
        overheadMs: 0,
      })),
    }
    const room = this.network.join(profile)
    const engines = fakeEngines(
      backends.map(
        (backend) =>
          new FakeEngine({
            clock: this.clock,
            backend,
            program: (bytes) => {
              const part = JSON.parse(new TextDecoder().decode(bytes)) as StagePart
              const costMs = (net.partMacs(part) / 10_000) * speed(id, backend)
              return {
                inputs: [part.from],
                outputs: [part.to],
                costMs,
                buildMs,
                run: (inputs) => ({ [part.to]: net.run(part, inputs[part.from] as FeatureMap) }),
              }
            },
          }),
      ),
    )
    const runtime = new Runtime({
      room: wrap(room),
      clock: this.clock,
      engines,
      codec: tensorCodec,
      library: { open: async () => net },
      ...shared,
      ...own,
      ...more(room),
    })
    const device = { id: room.self, room, runtime, engines }
    this.devices.set(id, device)
    return device
  }

  /** Joins all and waits until their links are up. */
  async joinAll(...ids: string[]): Promise<MiniDevice[]> {
    const devices = ids.map((id) => this.join(id))
    await this.clock.advance(100)
    return devices
  }

  until<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work)
  }

  /** A random input of the net. */
  picture(): FeatureMap {
    const { dims } = this.#o.net.input
    const length = dims.reduce((product, dim) => product * dim, 1)
    return { dtype: 'float32', dims, data: Float32Array.from({ length }, () => this.random.next() * 2 - 1) }
  }

  async close(): Promise<void> {
    for (const { runtime, room } of this.devices.values()) {
      await runtime[Symbol.asyncDispose]()
      await room[Symbol.asyncDispose]()
    }
  }
}

type ShardSpec = readonly [device: string, start?: number, end?: number]

/** A plan in short: `['t2', ['a', 0, 4], ['b', 4, 12]]` is a volume that ends at t2, computed in two shards. */
export function planOf(
  net: MiniNet,
  volumes: readonly (readonly [to: string, ...shards: ShardSpec[]])[],
  options: {
    readonly exits?: readonly (Omit<Partial<ExitPlacement>, 'device'> & { exit: string; device: string })[]
    readonly wire?: LayerVolume['wire']
    readonly route?: LayerVolume['route']
    readonly fullMs?: number
    readonly backend?: Backend
  } = {},
): Plan {
  const { wire = { bits: 32, entropy: 'none' }, route = 'peer', fullMs = 50, backend = 'ort-wasm' } = options
  return {
    model: net.digest,
    trunk: 'main',
    input: { kind: 'tensor' },
    volumes: volumes.map(([to, ...shards], index) => ({
      from: index === 0 ? 'x' : (volumes[index - 1]?.[0] ?? 'x'),
      to,
      shards: shards.map(([device, start, end]) => ({
        device: device as DeviceId,
        backend,
        ...(start === undefined || end === undefined ? {} : { rows: { start, end } }),
      })),
      wire,
      route,
    })),
    exits: (options.exits ?? []).map(({ device, ...exit }) => ({
      backend,
      threshold: 0.9,
      mode: 'race' as const,
      ...exit,
      device: device as DeviceId,
    })),
    predicted: { latencyMs: fullMs, fullMs, throughputPerSecond: 1000 / fullMs, bytes: 0 },
    method: 'test',
  }
}
