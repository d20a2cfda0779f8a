import { type DeviceProfile, deviceId, type LinkProfile, roomId } from '@roomful/core'
import { type ClientEvents, PROTOCOL_VERSION, type ServerEvents } from '@roomful/protocol'
import { io, type Socket } from 'socket.io-client'

export type TestSocket = Socket<ServerEvents, ClientEvents>
export type JoinAnswer = Parameters<Parameters<ClientEvents['join']>[1]>[0]

export const ROOM = roomId('test-room-0123456789ab')

export function profileOf(id: string, change: Partial<DeviceProfile> = {}): DeviceProfile {
  return {
    id: deviceId(id),
    name: id,
    protocol: PROTOCOL_VERSION,
    role: 'worker',
    backends: [],
    models: [],
    memoryMb: 1024,
    storage: { quotaMb: 100, writeMbPerSecond: 50, readMbPerSecond: 100 },
    lending: true,
    visible: true,
    load: 0,
    ...change,
  }
}

/** A real socket.io client that does not reconnect on its own; everything it hears is kept in `heard`. */
export class TestClient {
  readonly socket: TestSocket
  readonly heard: [event: string, message: unknown][] = []

  constructor(url: string, transports: ('polling' | 'websocket')[] = ['polling', 'websocket']) {
    this.socket = io(url, { transports, reconnection: false, forceNew: true, rejectUnauthorized: false })
    this.socket.onAny((event: string, message: unknown) => this.heard.push([event, message]))
  }

  connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('connect', resolve)
      this.socket.once('connect_error', reject)
    })
  }

  /** Sends any event with any argument and waits for its acknowledgement. */
  async send(event: keyof ClientEvents, ...args: unknown[]): Promise<JoinAnswer> {
    const emit = this.socket.timeout(5000).emitWithAck.bind(this.socket.timeout(5000)) as (
      event: string,
      ...args: unknown[]
    ) => Promise<JoinAnswer>
    return emit(event, ...args)
  }

  join(id: string, change: Partial<DeviceProfile> = {}, links: LinkProfile[] = [], resume?: string) {
    const message = { room: ROOM, profile: profileOf(id, change), links }
    return this.send('join', resume === undefined ? message : { ...message, resume })
  }

  /** The first message of an event that was, or will be, heard. */
  async hears(event: keyof ServerEvents, timeoutMs = 5000): Promise<unknown> {
    const early = this.heard.find(([name]) => name === event)
    if (early !== undefined) return early[1]
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${event} within ${timeoutMs} ms`)), timeoutMs)
      this.socket.once(event, (...args: unknown[]) => {
        clearTimeout(timer)
        resolve(args[0])
      })
    })
  }

  close(): void {
    this.socket.disconnect()
  }
}
