import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What is kept of one direction of a connection while it waits for the delay; the sender waits with the rest. */
const HELD_BYTES = 4 << 20

/**
 * The way from the devices to the signalling server (and the page), so that it can be cut and delayed: a port that passes
 * TCP on. Sockets stay as they are; only what they carry waits.
 */
export class TcpPath implements AsyncDisposable {
  readonly #server: Server
  readonly #target: () => number
  readonly #sockets = new Set<Socket>()
  #delayMs = 0
  #cut = false

  private constructor(server: Server, target: () => number) {
    this.#server = server
    this.#target = target
    server.on('connection', (socket) => this.#pass(socket))
  }

  /** `target`: the port on this machine, asked for at every connection: a restarted server may have another. */
  static async open(target: () => number): Promise<TcpPath> {
    const server = createServer({ allowHalfOpen: true })
    const path = new TcpPath(server, target)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return path
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends every connection and refuses new ones until `restore`, as a router that is switched off. */
  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  restore(): void {
    this.#cut = false
  }

  /** What comes from now on arrives this much later, in each direction and in order. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    if (!this.#server.listening) return
    this.#server.close()
    await once(this.#server, 'close')
  }

  #pass(client: Socket): void {
    if (this.#cut) {
      client.destroy()
      return
    }
    const server = connect({ port: this.#target(), host: '127.0.0.1', allowHalfOpen: true })
    this.#join(client, server)
    this.#join(server, client)
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    // Later chunks never overtake earlier ones, whatever the delay was changed to.
    let lastDueMs = 0
    const later = (act: () => void) => {
      lastDueMs = Math.max(lastDueMs, performance.now() + this.#delayMs)
      if (this.#delayMs === 0 && lastDueMs <= performance.now()) act()
      else setTimeout(act, lastDueMs - performance.now())
    }
    let heldBytes = 0
    // A receiver that is slow stops the sender, as on any way.
    const flow = () => (heldBytes > HELD_BYTES || to.writableNeedDrain ? from.pause() : from.resume())
    from.on('data', (chunk) => {
      heldBytes += chunk.length
      later(() => {
        heldBytes -= chunk.length
        if (to.writable) to.write(chunk)
        flow()
      })
      flow()
    })
    to.on('drain', flow)
    from.on('end', () => later(() => to.end()))
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      later(() => to.destroy())
    })
  }
}
