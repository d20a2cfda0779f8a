import { type DeviceId, type DeviceProfile, deviceId, planId, requestId } from '@roomful/core'
import { PROTOCOL_VERSION } from '@roomful/protocol'
import { FLOW_LIMITS, type FlowLimits, joinRoom, type Room } from '@roomful/transport'
import type { Pipe } from './pipe.ts'

const TIMEOUT_MS = 120_000

/** Roomful as the runtime uses it: feature notices of a Room, framed, checked and prioritised. */
export class RoomfulPipe implements Pipe {
  onMessage: (message: Uint8Array) => void = () => {}
  readonly #room: Room
  readonly #other: DeviceId

  private constructor(room: Room, other: DeviceId) {
    this.#room = room
    this.#other = other
    room.onNotice('feature', ({ blobs }) => {
      const [blob] = blobs ?? []
      if (blob !== undefined) this.onMessage(blob)
    })
  }

  /** `limits`: others than the library's, to measure which are best. */
  static async open(
    url: string,
    roomKey: readonly number[],
    id: string,
    other: string,
    limits: FlowLimits = FLOW_LIMITS,
  ): Promise<RoomfulPipe> {
    const room = await joinRoom({
      url,
      roomKey: Uint8Array.from(roomKey),
      profile: profile(id),
      limits,
    })
    const peer = deviceId(other)
    // Linked and measured: the first probe must not share the channel with the benchmark.
    while (room.peers.get(peer)?.mbitPerSecond === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    await new Promise((resolve) => setTimeout(resolve, 300))
    return new RoomfulPipe(room, peer)
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    const body = {
      requestId: requestId('bench-1'),
      planId: planId('bench-plan'),
      initiator: this.#room.self,
      volume: 1,
      shards: [0],
      exits: [],
      rows: { start: 0, end: 20 },
      remainingMs: 1000,
      encoding: 'feature' as const,
      blobs: [message],
    }
    await this.#room.notify(this.#other, 'feature', body, { timeoutMs: TIMEOUT_MS })
  }

  close(): void {
    void this.#room[Symbol.asyncDispose]()
  }
}

function profile(id: string): DeviceProfile {
  return {
    id: deviceId(id),
    name: id,
    protocol: PROTOCOL_VERSION,
    role: 'worker',
    backends: [],
    models: [],
    memoryMb: 0,
    storage: { quotaMb: 0, writeMbPerSecond: 0, readMbPerSecond: 0 },
    lending: false,
    visible: true,
    load: 0,
  }
}
