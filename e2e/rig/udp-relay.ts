import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type Clock, type Random, systemClock } from '@roomful/core'

/** What the path does to each datagram, in each direction. */
export interface PathShape {
  readonly delayMs: number
  /** Share of datagrams lost, 0..1. */
  readonly lossProbability?: number
}

/**
 * A path with delay and loss for WebRTC, without kernel help: for each address of a peer there is a port here that stands
 * for it, and each sender gets a socket of its own towards the peer, as behind a NAT. ICE takes such paths once remote
 * candidates are rewritten (ice-rewrite.ts).
 */
export class UdpRelay implements AsyncDisposable {
  readonly #random: Random
  readonly #clock: Clock
  readonly #fronts = new Map<string, Promise<Socket>>()
  readonly #sockets = new Set<Socket>()
  #shape: PathShape
  #closed = false

  constructor(shape: PathShape, options: { random: Random; clock?: Clock }) {
    this.#shape = shape
    this.#random = options.random
    this.#clock = options.clock ?? systemClock
  }

  /** From now on. */
  reshape(shape: PathShape): void {
    this.#shape = shape
  }

  /** The port on 127.0.0.1 that stands for the peer's address; the same for every call. */
  async portFor(address: string, port: number): Promise<number> {
    const key = `${address} ${port}`
    const front = this.#fronts.get(key) ?? this.#open(address, port)
    this.#fronts.set(key, front)
    return ((await front).address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const socket of this.#sockets) socket.close()
    this.#sockets.clear()
  }

  async #open(address: string, port: number): Promise<Socket> {
    const front = await this.#bind()
    const backs = new Map<string, Promise<Socket>>()
    front.on('message', (datagram, sender) => {
      const key = `${sender.address} ${sender.port}`
      const back = backs.get(key) ?? this.#back(front, sender)
      backs.set(key, back)
      this.#pass(datagram, async (bytes) => (await back).send(bytes, port, address))
    })
    return front
  }

  /** The socket that stands for `sender` in the eyes of the peer. */
  async #back(front: Socket, sender: RemoteInfo): Promise<Socket> {
    const back = await this.#bind()
    back.on('message', (datagram) => {
      this.#pass(datagram, (bytes) => front.send(bytes, sender.port, sender.address))
    })
    return back
  }

  #pass(datagram: Buffer, forward: (datagram: Buffer) => void): void {
    if (this.#random.next() < (this.#shape.lossProbability ?? 0)) return
    this.#clock.after(this.#shape.delayMs, () => {
      if (!this.#closed) forward(datagram)
    })
  }

  async #bind(): Promise<Socket> {
    const socket = createSocket('udp4')
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return socket
  }
}
