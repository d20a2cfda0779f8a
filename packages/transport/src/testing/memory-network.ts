import type { Clock, DeviceId, DeviceProfile, Random } from '@roomful/core'
import type { PeerMessage } from '@roomful/protocol'
import { type Room, TransportError } from '../room.ts'
import { RoomCore } from '../room-core.ts'
import { SharedAccess } from './shared-access.ts'
import { DEFAULT_LINK, type LinkShape, SimulatedDirection } from './simulated-link.ts'
import { wireCopy } from './wire-copy.ts'

export interface MemoryNetworkOptions {
  readonly clock: Clock
  readonly random: Random
  /** What every link is like until `setLink` says otherwise; DEFAULT_LINK fills what is missing. */
  readonly link?: Partial<LinkShape>
  /**
   * `per-link` (default): every link has its rate for itself. `per-device`: the links of one device share its way in and
   * its way out, as they do in one radio cell or on one cable.
   */
  readonly access?: 'per-link' | 'per-device'
  /** Time from joining to `connected`: two round trips of the link by default. */
  readonly linkUpMs?: number
  /** Time from falling silent to `silent`; the heartbeat's promise is 2 s. */
  readonly silentAfterMs?: number
  /** Time from falling silent to `gone`. */
  readonly lostAfterMs?: number
}

/** One message as an observer sees it. */
export interface Observed {
  readonly from: DeviceId
  readonly to: DeviceId
  readonly message: PeerMessage
  readonly bytes: number
  readonly atMs: number
}

interface Device {
  readonly id: DeviceId
  readonly room: RoomCore
  readonly up: SharedAccess
  readonly down: SharedAccess
  alive: boolean
}

interface Link {
  readonly ends: readonly [Device, Device]
  shape: LinkShape
  up: boolean
  silent: boolean
  /** Deliveries by sender. */
  readonly directions: Map<DeviceId, SimulatedDirection<PeerMessage>>
  /** Undoes a pending link-up or silence timer. */
  readonly timers: Set<() => void>
}

/**
 * A room without sockets: links with round trip, bandwidth, losses and faults on any clock, repeatable from the seed of
 * `random`. What runs on it runs on WebRTC; both pass `runRoomContract`.
 */
export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions
  readonly #shape: LinkShape
  readonly #devices = new Map<DeviceId, Device>()
  readonly #links = new Map<string, Link>()
  readonly #shapes = new Map<string, LinkShape>()
  readonly #sent = new Set<(message: Observed) => void>()
  readonly #delivered = new Set<(message: Observed) => void>()

  constructor(options: MemoryNetworkOptions) {
    this.#options = options
    this.#shape = { ...DEFAULT_LINK, ...options.link }
  }

  /** Messages waiting or under way on all links; zero when a run has come to rest. */
  get inFlight(): number {
    let sum = 0
    for (const link of this.#links.values()) for (const direction of link.directions.values()) sum += direction.pending
    return sum
  }

  /** Enters a device; its links to all present come up after `linkUpMs`. @throws TransportError `rejected` (id taken) */
  join(profile: DeviceProfile): Room {
    if (this.#devices.has(profile.id)) throw new TransportError('rejected', `${profile.id} is already in the room`)
    const room = new RoomCore({
      profile,
      clock: this.#options.clock,
      host: {
        publish: (changed) => this.#publish(changed),
        leave: () => this.#leave(profile.id, 'left'),
        expel: (id, error) => this.disconnect(profile.id, id, error.message),
      },
    })
    const device: Device = { id: profile.id, room, alive: true, up: new SharedAccess(), down: new SharedAccess() }
    for (const other of this.#devices.values()) {
      if (!other.alive) continue
      room.peerKnown(other.room.profile)
      other.room.peerKnown(profile)
      this.#connect(device, other)
    }
    this.#devices.set(profile.id, device)
    return room
  }

  /** The process is gone without a word: nothing from it any more, peers learn it by silence, then by `gone`. */
  kill(id: DeviceId): void {
    const device = this.#devices.get(id)
    if (device === undefined) return
    device.alive = false
    this.#devices.delete(id)
    for (const link of this.#linksOf(id)) {
      for (const direction of link.directions.values()) direction.stall()
      this.#afterSilence(link, () => this.#forget(link, id, 'no sign of life'))
    }
  }

  /** The link breaks noticeably on both sides; it comes back after `reconnectAfterMs`, or not. */
  disconnect(a: DeviceId, b: DeviceId, reason = 'the link broke', reconnectAfterMs?: number): void {
    const link = this.#links.get(key(a, b))
    if (link === undefined) return
    this.#close(link, reason)
    const [one, two] = link.ends
    one.room.linkDown(two.id, reason)
    two.room.linkDown(one.id, reason)
    if (reconnectAfterMs === undefined) return
    const cancel = this.#options.clock.after(reconnectAfterMs, () => {
      link.timers.delete(cancel)
      one.room.linkRetry(two.id)
      two.room.linkRetry(one.id)
      this.#connect(one, two)
    })
    link.timers.add(cancel)
  }

  /** The path between two devices loses everything until `restore`; both sides notice the silence, then the loss. */
  silence(a: DeviceId, b: DeviceId): void {
    const link = this.#links.get(key(a, b))
    if (link === undefined || !link.up || link.silent) return
    for (const direction of link.directions.values()) direction.stall()
    this.#afterSilence(link, () => this.disconnect(a, b, 'no sign of life'))
  }

  /** The signalling server has lost its line to a device, dead or not, and tells the others. */
  unsee(id: DeviceId): void {
    for (const device of this.#devices.values()) if (device.id !== id) device.room.emit('unseen', id)
  }

  restore(a: DeviceId, b: DeviceId): void {
    const link = this.#links.get(key(a, b))
    if (link === undefined || !link.up || !link.silent) return
    link.silent = false
    for (const cancel of link.timers) cancel()
    link.timers.clear()
    const [one, two] = link.ends
    one.room.linkSilent(two.id, false)
    two.room.linkSilent(one.id, false)
    for (const direction of link.directions.values()) direction.resume()
  }

  /** Changes a link for messages sent from now on, and what both ends report of it. May be set before they join. */
  setLink(a: DeviceId, b: DeviceId, change: Partial<LinkShape>): void {
    const shape = { ...this.#shapeOf(a, b), ...change }
    this.#shapes.set(key(a, b), shape)
    const link = this.#links.get(key(a, b))
    if (link === undefined) return
    link.shape = shape
    for (const direction of link.directions.values()) direction.reshape(shape)
    if (link.up) this.#report(link)
  }

  /** Hears every message when it is handed to a link. Returns an undo. */
  onSent(listener: (message: Observed) => void): () => void {
    this.#sent.add(listener)
    return () => this.#sent.delete(listener)
  }

  /** Hears every message just before it is delivered. Returns an undo. */
  onDelivered(listener: (message: Observed) => void): () => void {
    this.#delivered.add(listener)
    return () => this.#delivered.delete(listener)
  }

  #connect(one: Device, two: Device): void {
    const shape = this.#shapeOf(one.id, two.id)
    const link: Link = {
      ends: [one, two],
      shape,
      up: false,
      silent: false,
      directions: new Map([
        [one.id, this.#direction(shape, one, two)],
        [two.id, this.#direction(shape, two, one)],
      ]),
      timers: new Set(),
    }
    this.#links.set(key(one.id, two.id), link)
    const cancel = this.#options.clock.after(this.#options.linkUpMs ?? 2 * shape.rttMs, () => {
      link.timers.delete(cancel)
      link.up = true
      this.#linkUp(link, one, two)
      this.#linkUp(link, two, one)
      this.#report(link)
    })
    link.timers.add(cancel)
  }

  #direction(shape: LinkShape, from: Device, to: Device): SimulatedDirection<PeerMessage> {
    return new SimulatedDirection({
      clock: this.#options.clock,
      random: this.#options.random,
      shape,
      ...(this.#options.access === 'per-device' ? { access: { up: from.up, down: to.down } } : {}),
      deliver: (message) => {
        this.#tell(this.#delivered, from.id, to.id, message, 0)
        to.room.receive(from.id, message)
      },
    })
  }

  #linkUp(link: Link, self: Device, other: Device): void {
    const direction = link.directions.get(self.id)
    self.room.linkUp(other.id, {
      send: async (message, options) => {
        const copy = wireCopy(message)
        this.#tell(this.#sent, self.id, other.id, copy.message, copy.bytes)
        await direction?.send(copy.message, copy.bytes, options.priority, options.signal)
      },
      close: () => direction?.close(new TransportError('disconnected', 'the link was closed')),
    })
  }

  #report(link: Link): void {
    const [one, two] = link.ends
    const { rttMs, mbitPerSecond } = link.shape
    one.room.linkMeasured(two.id, { rttMs, mbitPerSecond })
    two.room.linkMeasured(one.id, { rttMs, mbitPerSecond })
    const links = [...this.#links.values()]
      .filter(({ up }) => up)
      .map(({ ends: [a, b], shape }) => ({
        a: a.id,
        b: b.id,
        rttMs: shape.rttMs,
        mbitPerSecond: shape.mbitPerSecond,
      }))
    for (const device of this.#devices.values()) device.room.setRoomLinks(links)
  }

  #publish(profile: DeviceProfile): void {
    const self = this.#devices.get(profile.id)
    if (self === undefined) return
    for (const other of this.#devices.values()) {
      if (other === self) continue
      this.#options.clock.after(this.#shapeOf(self.id, other.id).rttMs, () => {
        if (other.alive && self.alive && other.room.peers.has(profile.id)) other.room.peerKnown(profile)
      })
    }
  }

  #leave(id: DeviceId, reason: string): void {
    const device = this.#devices.get(id)
    if (device === undefined) return
    device.alive = false
    this.#devices.delete(id)
    for (const link of this.#linksOf(id)) {
      this.#close(link, reason)
      const cancel = this.#options.clock.after(link.shape.rttMs / 2, () => this.#forget(link, id, reason))
      link.timers.add(cancel)
    }
  }

  #afterSilence(link: Link, lost: () => void): void {
    const { clock, silentAfterMs = 2000, lostAfterMs = 10_000 } = this.#options
    const [one, two] = link.ends
    link.silent = true
    for (const cancel of link.timers) cancel()
    link.timers.clear()
    const silentTimer = clock.after(silentAfterMs, () => {
      one.room.linkSilent(two.id, true)
      two.room.linkSilent(one.id, true)
    })
    link.timers.add(silentTimer)
    link.timers.add(clock.after(lostAfterMs, lost))
  }

  #forget(link: Link, id: DeviceId, reason: string): void {
    this.#close(link, reason)
    this.#links.delete(key(link.ends[0].id, link.ends[1].id))
    const other = link.ends[0].id === id ? link.ends[1] : link.ends[0]
    other.room.peerGone(id, reason)
  }

  #close(link: Link, reason: string): void {
    link.up = false
    for (const cancel of link.timers) cancel()
    link.timers.clear()
    const error = new TransportError('disconnected', reason)
    for (const direction of link.directions.values()) direction.close(error)
  }

  #linksOf(id: DeviceId): Link[] {
    return [...this.#links.values()].filter(({ ends }) => ends.some((end) => end.id === id))
  }

  #shapeOf(a: DeviceId, b: DeviceId): LinkShape {
    return this.#shapes.get(key(a, b)) ?? this.#shape
  }

  #tell(to: Set<(m: Observed) => void>, from: DeviceId, device: DeviceId, message: PeerMessage, bytes: number): void {
    if (to.size === 0) return
    const observed = { from, to: device, message, bytes, atMs: this.#options.clock.now() }
    for (const listener of to) listener(observed)
  }
}

/** See MemoryNetwork. */
export const createMemoryNetwork = (options: MemoryNetworkOptions): MemoryNetwork => new MemoryNetwork(options)

const key = (a: DeviceId, b: DeviceId): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
