import { type Clock, type Random, seededRandom } from '@roomful/core'
import type { RelaySeat } from './ice-rewrite.ts'
import { type PathShape, UdpRelay } from './udp-relay.ts'

/**
 * The links of a room of emulated devices: a relay of its own for every pair. A page tells its ICE user names (ufrag)
 * here before they are signalled; a remote candidate's user name then says whose address it is.
 */
export class RelayNetwork implements AsyncDisposable {
  readonly #shapeOf: (a: string, b: string) => PathShape
  readonly #random: Random
  readonly #clock: Clock | undefined
  readonly #owners = new Map<string, string>()
  readonly #relays = new Map<string, UdpRelay>()

  /** `shapeOf`: how the path between two devices, given in alphabetical order, begins. Loss and jitter follow `seed`. */
  constructor(shapeOf: (a: string, b: string) => PathShape, options: { seed?: number; clock?: Clock } = {}) {
    this.#shapeOf = shapeOf
    this.#random = seededRandom(options.seed ?? 1)
    this.#clock = options.clock
  }

  /** What `throughRelay` gives the page of the device of that name. */
  seat(device: string): RelaySeat {
    return {
      own: (ufrag) => {
        this.#owners.set(ufrag, device)
      },
      portFor: async (address, port, ufrag) => {
        const owner = ufrag === undefined ? undefined : this.#owners.get(ufrag)
        // A candidate of nobody in this room would go around the emulated links.
        if (owner === undefined || owner === device) return undefined
        return this.#relay(device, owner).portAt(device < owner ? 1 : 0, address, port)
      },
    }
  }

  reshape(a: string, b: string, shape: PathShape): void {
    this.#relay(a, b).reshape(shape)
  }

  /** Bytes that have passed between two devices, in both directions. */
  bytesBetween(a: string, b: string): number {
    const [towardsFirst, towardsSecond] = this.#relay(a, b).counts
    return towardsFirst.bytes + towardsSecond.bytes
  }

  /** Bytes that have passed over every path, in both directions, by the pair's names. */
  get bytes(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#relays].map(([pair, { counts }]) => [pair, counts.reduce((sum, { bytes }) => sum + bytes, 0)]),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay[Symbol.asyncDispose]()))
    this.#relays.clear()
  }

  #relay(a: string, b: string): UdpRelay {
    const [first = '', second = ''] = [a, b].sort()
    const key = `${first}\n${second}`
    const known = this.#relays.get(key)
    if (known !== undefined) return known
    const clock = this.#clock === undefined ? {} : { clock: this.#clock }
    const relay = new UdpRelay(this.#shapeOf(first, second), { random: this.#random, ...clock })
    this.#relays.set(key, relay)
    return relay
  }
}
