import { existsSync } from 'node:fs'
import path from 'node:path'
import { createRoomKey, formatInvite } from '@roomful/protocol'
import { type RunningServer, type ServerOptions, startServer } from '@roomful/signaling-server'
import { Device, type DeviceOptions } from './device.ts'
import { TcpPath } from './tcp-path.ts'

export const REPOSITORY = path.resolve(import.meta.dirname, '../..')
/** The built page; ROOMFUL_DIST names another one, such as a copy that nobody builds anew while it is measured. */
export const DIST = path.resolve(process.env['ROOMFUL_DIST'] ?? path.join(REPOSITORY, 'dist'))

/** A signalling server with the built page, and devices that join one room on it. */
export class Rig {
  readonly devices: Device[] = []
  readonly invite: string
  /** The way to the server, to be cut and delayed. */
  readonly signalling: TcpPath
  #server: RunningServer
  readonly #options: Partial<ServerOptions>
  /** Devices that are being opened: they are closed too when the rig is, wherever they have got to. */
  readonly #opening = new Set<Promise<Device>>()
  #closed = false

  private constructor(server: RunningServer, signalling: TcpPath, options: Partial<ServerOptions>) {
    this.#server = server
    this.signalling = signalling
    this.invite = formatInvite(`http://localhost:${signalling.port}/`, createRoomKey())
    this.#options = options
  }

  static async start(options: Partial<ServerOptions> = {}): Promise<Rig> {
    const { dist = DIST } = options
    if (!existsSync(path.join(dist, 'index.html'))) throw new Error('the page is not built: run `npm run build`')
    const server = await startServer({ port: 0, ...options, dist })
    // A restarted server keeps its port.
    const signalling = await TcpPath.open(() => server.port)
    return new Rig(server, signalling, options)
  }

  get port(): number {
    return this.#server.port
  }

  /** Opens all devices at once and waits until each can ask and is linked with every other. */
  async join(...devices: readonly DeviceOptions[]): Promise<Device[]> {
    const opened = await Promise.all(devices.map((device) => this.open(device)))
    await Promise.all(this.devices.map((device) => device.ready(this.devices.length - 1)))
    const all = await Promise.all(this.devices.map((device) => device.snapshot()))
    const measured = all.flatMap(({ self }) => (self.backends.length > 0 ? [self.id] : []))
    await Promise.all(this.devices.map((device) => device.knows(measured)))
    return opened
  }

  /** Opens one device without waiting for its links. */
  async open(options: DeviceOptions): Promise<Device> {
    if (this.#closed) throw new Error(`${options.name}: the room is closed`)
    const opening = Device.open(this.invite, options)
    this.#opening.add(opening)
    try {
      const device = await opening
      this.devices.push(device)
      return device
    } finally {
      this.#opening.delete(opening)
    }
  }

  async kill(device: Device): Promise<void> {
    const index = this.devices.indexOf(device)
    if (index >= 0) this.devices.splice(index, 1)
    await device.kill()
  }

  /** Ends the signalling server and starts a fresh one, with an empty registry, on the same port. */
  async restartServer(whileDown: () => Promise<void> = async () => {}): Promise<void> {
    const port = this.#server.port
    await this.#server.close()
    await whileDown()
    this.#server = await startServer({ dist: DIST, ...this.#options, port })
  }

  /** Ends every process of the room, also of devices that are still starting. */
  async close(): Promise<void> {
    this.#closed = true
    await closeAll(this.devices)
    // Without the page what is still starting fails soon.
    await this.signalling[Symbol.asyncDispose]()
    await this.#server.close()
    const late = await Promise.allSettled(this.#opening)
    await closeAll(late.flatMap((opened) => (opened.status === 'fulfilled' ? [opened.value] : [])))
  }
}

async function closeAll(devices: readonly Device[]): Promise<void> {
  await Promise.all(devices.map((device) => device.close().catch(() => {})))
}
