import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Clock, type Random, systemClock } from '@roomful/core'
import { type PathShape, PathShaper } from './path-shaper.ts'

export type { PathShape } from './path-shaper.ts'

/** The end of the path that an address belongs to. */
export type PathEnd = 0 | 1

/**
 * A path with rate, delay, jitter and loss for WebRTC, without kernel help: for each address of a peer there is a port
 * here that stands for it, and each sender gets a socket of its own towards the peer, as behind a NAT. ICE takes such
 * paths once remote candidates are rewritten (ice-rewrite.ts).
 */
export class UdpRelay implements AsyncDisposable {
  readonly #fronts = new Map<string, Promise<Socket>>()
  readonly #sockets = new Set<Socket>()
  /** By the end that the datagrams go to. */
  readonly #towards: readonly [PathShaper, PathShaper]
  #closed = false

  /** The same shape in each direction. */
  constructor(shape: PathShape, options: { random: Random; clock?: Clock }) {
    const { random, clock = systemClock } = options
    this.#towards = [new PathShaper(shape, { random, clock }), new PathShaper(shape, { random, clock })]
  }

  /** From now on, in each direction. */
  reshape(shape: PathShape): void {
    for (const shaper of this.#towards) shaper.reshape(shape)
  }

  /** Datagrams and bytes so far, towards end 0 and towards end 1. */
  get counts(): readonly [PathShaper['counts'], PathShaper['counts']] {
    return [this.#towards[0].counts, this.#towards[1].counts]
  }

  /** The port on 127.0.0.1 that stands for a peer's address, whoever it is; the same for every call. */
  portFor(address: string, port: number): Promise<number> {
    return this.portAt(0, address, port)
  }

  /** The same for an address that lies at `end`: datagrams to it and answers to those from it share one queue. */
  async portAt(end: PathEnd, address: string, port: number): Promise<number> {
    const key = `${end} ${address} ${port}`
    const front = this.#fronts.get(key) ?? this.#open(address, port, end)
    this.#fronts.set(key, front)
    return ((await front).address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const shaper of this.#towards) shaper.close()
    for (const socket of this.#sockets) socket.close()
    this.#sockets.clear()
  }

  async #open(address: string, port: number, end: PathEnd): Promise<Socket> {
    const front = await this.#bind()
    const backs = new Map<string, Promise<Socket>>()
    front.on('message', (datagram, sender) => {
      const key = `${sender.address} ${sender.port}`
      const back = backs.get(key) ?? this.#back(front, sender, end)
      backs.set(key, back)
      back.then(
        (socket) => this.#pass(datagram, end, (bytes) => socket.send(bytes, port, address)),
        // There was no socket to be had: the datagram is lost, as UDP allows, and the next one tries again.
        () => backs.delete(key),
      )
    })
    return front
  }

  /** The socket that stands for `sender` in the eyes of the peer. */
  async #back(front: Socket, sender: RemoteInfo, end: PathEnd): Promise<Socket> {
    const back = await this.#bind()
    back.on('message', (datagram) => {
      this.#pass(datagram, end === 0 ? 1 : 0, (bytes) => front.send(bytes, sender.port, sender.address))
    })
    return back
  }

  #pass(datagram: Buffer, towards: PathEnd, forward: (datagram: Buffer) => void): void {
    this.#towards[towards].send(datagram.length, () => {
      if (!this.#closed) forward(datagram)
    })
  }

  async #bind(): Promise<Socket> {
    const socket = createSocket('udp4')
    socket.on('error', () => {})
    try {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      if (this.#closed) throw new Error('the relay was closed meanwhile')
    } catch (error) {
      socket.close()
      throw error
    }
    this.#sockets.add(socket)
    // Bursts of a fast sender wait here while the event loop is busy.
    socket.setRecvBufferSize(1 << 20)
    socket.setSendBufferSize(1 << 20)
    return socket
  }
}
