import type { DataConnection } from 'peerjs'
// The package's browser entry is a script that exports nothing.
import { Peer } from 'peerjs/dist/bundler.mjs'
import type { Pipe } from './pipe.ts'

/** PeerJS as its documentation shows it: a reliable DataConnection with the default (binary) serialization. */
export class PeerJsPipe implements Pipe {
  onMessage: (message: Uint8Array) => void = () => {}
  readonly #peer: Peer
  readonly #connection: DataConnection

  private constructor(peer: Peer, connection: DataConnection) {
    this.#peer = peer
    this.#connection = connection
    connection.on('data', (data) => {
      this.onMessage(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array))
    })
  }

  static async open(port: number, id: string, other: string, initiator: boolean): Promise<PeerJsPipe> {
    const peer = new Peer(id, { host: '127.0.0.1', port, path: '/', config: { iceServers: [] } })
    const incoming = new Promise<DataConnection>((resolve) => peer.on('connection', resolve))
    await new Promise<void>((resolve, reject) => {
      peer.on('open', () => resolve())
      peer.on('error', reject)
    })
    const connection = initiator ? await callUntilThere(peer, other) : await incoming
    if (!connection.open) await new Promise<void>((resolve) => connection.on('open', resolve))
    return new PeerJsPipe(peer, connection)
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#connection.send(message)
  }

  close(): void {
    this.#peer.destroy()
  }
}

/** The other page may register later: PeerJS then says peer-unavailable, and one calls again. */
async function callUntilThere(peer: Peer, other: string): Promise<DataConnection> {
  for (;;) {
    const connection = peer.connect(other, { reliable: true })
    const outcome = await Promise.race([
      new Promise<'open'>((resolve) => connection.on('open', () => resolve('open'))),
      new Promise<'later'>((resolve) => setTimeout(() => resolve('later'), 1500)),
    ])
    if (outcome === 'open') return connection
    connection.close()
  }
}
