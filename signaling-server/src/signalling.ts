import { randomBytes } from 'node:crypto'
import { type Clock, type DeviceId, errorText, type RoomId, SerialQueue } from '@roomful/core'
import {
  type ClientEvents,
  checkClientMessage,
  checkVersion,
  PROTOCOL_VERSION,
  ProtocolError,
  type ServerEvents,
  type SignallingAnswer,
  type SignallingRefusal,
} from '@roomful/protocol'
import type { Server, Socket } from 'socket.io'
import type { Limits } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { RegistryStore } from './registry/store.ts'
import { TokenBucket } from './token-bucket.ts'

export type SignallingServer = Server<ClientEvents, ServerEvents>
type SignallingSocket = Socket<ClientEvents, ServerEvents>
type EventName = keyof ClientEvents

export interface SignallingOptions {
  readonly io: SignallingServer
  readonly store: RegistryStore
  readonly limits: Limits
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: (line: string) => void
}

/** The place of a socket's device; ends when it leaves or another socket resumes it. */
interface Membership {
  readonly room: RoomId
  readonly id: DeviceId
  readonly resume: string
}

/** socket.io room of everybody in a Roomful room, and of one device in it. */
const everybody = (room: RoomId) => `room/${room}`
const oneDevice = (room: RoomId, id: DeviceId) => `device/${room}/${id}`

/** Waiting events of one socket beyond this are refused. */
const MAX_WAITING = 256
const MAX_SUPERSEDED = 1_024

/** Introduces devices to each other: rooms, profiles and sealed messages, nothing else. */
export class Signalling {
  readonly #o: SignallingOptions
  /** Devices whose socket was lost and that may still come back: undo of the timer by resume token. */
  readonly #grace = new Map<string, () => void>()
  /** Resume tokens of sockets that are about to be closed for newer ones. */
  readonly #superseded = new Set<string>()
  #stopSweep = () => {}
  #closed = false

  constructor(options: SignallingOptions) {
    this.#o = options
    options.io.on('connection', (socket) => new Session(socket, this, options))
    this.#sweepLater()
  }

  announce(
    event: 'joined' | 'updated',
    socket: SignallingSocket,
    message: Parameters<ClientEvents['profile']>[0],
    room: RoomId,
  ): void {
    if (event === 'joined') socket.to(everybody(room)).emit('peer-joined', { profile: message.profile })
    if (event === 'updated' || message.links.length > 0) socket.to(everybody(room)).emit('peer-updated', message)
  }

  /** Takes a device out of its room and tells the others; does nothing when another socket has resumed it. */
  async leave(member: Membership, reason: 'left' | 'disconnected'): Promise<void> {
    if (await this.#o.store.remove(member.room, member.id, member.resume))
      this.#tellGone(member.room, member.id, reason)
  }

  /** A lost socket: the device keeps its place for a while, unless it is back on another one already. */
  lost(member: Membership): void {
    if (this.#closed || this.#superseded.delete(member.resume)) return
    const { room, id } = member
    this.#o.io.to(everybody(room)).except(oneDevice(room, id)).emit('peer-unseen', { id })
    const cancel = this.#o.clock.after(this.#o.limits.reconnectGraceMs, () => {
      this.#grace.delete(member.resume)
      this.leave(member, 'disconnected').catch((error: unknown) => this.#o.log(`registry: ${errorText(error)}`))
    })
    this.#grace.set(member.resume, cancel)
  }

  /** A device is back: before its grace ended, or before its old socket was known to be lost. */
  found(previousResume: string): void {
    const cancel = this.#grace.get(previousResume)
    this.#grace.delete(previousResume)
    cancel?.()
    if (cancel !== undefined) return
    this.#superseded.add(previousResume)
    // Old sockets of other servers are lost there.
    const [oldest] = this.#superseded
    if (this.#superseded.size > MAX_SUPERSEDED && oldest !== undefined) this.#superseded.delete(oldest)
  }

  close(): void {
    this.#closed = true
    this.#stopSweep()
    for (const cancel of this.#grace.values()) cancel()
    this.#grace.clear()
  }

  #tellGone(room: RoomId, id: DeviceId, reason: 'left' | 'timeout' | 'disconnected'): void {
    this.#o.metrics.left.inc({ reason })
    this.#o.io.to(everybody(room)).except(oneDevice(room, id)).emit('peer-left', { id, reason })
  }

  #sweepLater(): void {
    this.#stopSweep = this.#o.clock.after(this.#o.limits.deviceTimeoutMs / 4, () => {
      this.#sweep()
        .catch((error: unknown) => this.#o.log(`registry: ${errorText(error)}`))
        .finally(() => {
          if (!this.#closed) this.#sweepLater()
        })
    })
  }

  async #sweep(): Promise<void> {
    for (const { room, id } of await this.#o.store.expire()) this.#tellGone(room, id, 'timeout')
  }
}

/** One socket: checks, limits and answers its events one at a time, in order. */
class Session {
  readonly #socket: SignallingSocket
  readonly #signalling: Signalling
  readonly #o: SignallingOptions
  readonly #queue = new SerialQueue(MAX_WAITING)
  readonly #buckets: Record<EventName, TokenBucket>
  #member: Membership | undefined
  #malformed = 0

  constructor(socket: SignallingSocket, signalling: Signalling, options: SignallingOptions) {
    this.#socket = socket
    this.#signalling = signalling
    this.#o = options
    const { rates } = options.limits
    const bucket = (event: EventName) => new TokenBucket(options.clock, rates[event])
    this.#buckets = {
      join: bucket('join'),
      profile: bucket('profile'),
      signal: bucket('signal'),
      heartbeat: bucket('heartbeat'),
      leave: bucket('leave'),
    }
    // Arguments come from the network: their declared types are claims, so every handler takes them as unknown.
    socket.on('join', (...args: unknown[]) => this.#answer('join', args, (message) => this.#join(message)))
    socket.on('profile', (...args: unknown[]) => this.#answer('profile', args, (message) => this.#profile(message)))
    socket.on('signal', (...args: unknown[]) => this.#answer('signal', args, (message) => this.#signal(message)))
    socket.on('heartbeat', (...args: unknown[]) => this.#answer('heartbeat', args, () => this.#heartbeat()))
    socket.on('leave', (...args: unknown[]) => this.#answer('leave', args, () => this.#leave()))
    socket.on('disconnect', () => {
      if (this.#member !== undefined) this.#signalling.lost(this.#member)
    })
  }

  #answer(event: EventName, args: unknown[], handle: (message: unknown) => Promise<SignallingAnswer>): void {
    const last = args.at(-1)
    const acknowledge = typeof last === 'function' ? (answer: SignallingAnswer) => void last(answer) : () => {}
    const end = (answer: SignallingAnswer) => {
      this.#o.metrics.events.inc({ event, outcome: answer.ok ? 'ok' : answer.reason })
      acknowledge(answer)
      if (!answer.ok && answer.reason === 'malformed' && ++this.#malformed > this.#o.limits.maxMalformed) {
        this.#socket.disconnect(true)
      }
    }
    const waitMs = this.#buckets[event].take()
    if (waitMs > 0) end(rateLimited(waitMs))
    else this.#queue.run(() => handle(args[0])).then(end, (error: unknown) => end(this.#refusalOf(error)))
  }

  #refusalOf(error: unknown): SignallingRefusal {
    if (error instanceof ProtocolError) {
      if (error.reason === 'version' || error.reason === 'too-large') return refuse(error.reason, error.message)
      return refuse('malformed', error.message)
    }
    this.#o.log(`signalling: ${errorText(error)}`)
    return rateLimited(1000)
  }

  async #join(value: unknown): Promise<SignallingAnswer> {
    // A newer client's profile may have another form, so that its version is looked at before the form.
    refuseOtherVersion(value)
    const message = checkClientMessage('join', value)
    checkOwnLinks(message)
    const { room, profile, links } = message
    if (this.#member !== undefined && (this.#member.room !== room || this.#member.id !== profile.id))
      await this.#leave()
    const resume = randomBytes(24).toString('base64url')
    const outcome = await this.#o.store.join(room, { profile, links, resume }, message.resume)
    if (outcome === 'id-taken') return refuse('id-taken', `another device in this room is called ${profile.id}`)
    if (outcome === 'room-full')
      return refuse('room-full', `the room holds ${this.#o.limits.maxDevicesPerRoom} devices already`)
    if (outcome === 'rooms-full') return refuse('room-full', 'this server holds as many rooms as it may')
    const member = { room, id: profile.id, resume }
    if (outcome === 'resumed' && message.resume !== undefined) this.#signalling.found(message.resume)
    if (outcome === 'resumed')
      this.#o.io.in(oneDevice(room, profile.id)).except(this.#socket.id).disconnectSockets(true)
    this.#member = member
    await this.#socket.join([everybody(room), oneDevice(room, profile.id)])
    if (!this.#socket.connected) this.#signalling.lost(member)
    this.#signalling.announce(outcome === 'joined' ? 'joined' : 'updated', this.#socket, { profile, links }, room)
    const others = (await this.#o.store.list(room)).filter((entry) => entry.profile.id !== profile.id)
    const answer = {
      ok: true as const,
      resume,
      peers: others.map((entry) => entry.profile),
      links: others.flatMap((entry) => entry.links),
    }
    return answer
  }

  async #profile(value: unknown): Promise<SignallingAnswer> {
    const member = this.#member
    if (member === undefined) return NOT_JOINED
    const message = checkClientMessage('profile', value)
    checkOwnLinks(message)
    if (message.profile.id !== member.id) return refuse('malformed', 'a device may change its own profile only')
    if (!(await this.#o.store.update(member.room, { ...message, resume: member.resume }))) return this.#forgotten()
    this.#signalling.announce('updated', this.#socket, message, member.room)
    return OK
  }

  async #signal(value: unknown): Promise<SignallingAnswer> {
    const member = this.#member
    if (member === undefined) return NOT_JOINED
    const { to, sealed } = checkClientMessage('signal', value)
    if (to === member.id || !(await this.#o.store.has(member.room, to))) {
      return refuse('unknown-peer', `${to} is not in the room`)
    }
    this.#o.metrics.sealedBytes.inc(sealed.length)
    this.#o.io.to(oneDevice(member.room, to)).emit('signal', { from: member.id, sealed })
    return OK
  }

  async #heartbeat(): Promise<SignallingAnswer> {
    const member = this.#member
    if (member === undefined) return NOT_JOINED
    return (await this.#o.store.touch(member.room, member.id, member.resume)) ? OK : this.#forgotten()
  }

  async #leave(): Promise<SignallingAnswer> {
    const member = this.#forget()
    if (member === undefined) return NOT_JOINED
    await this.#socket.leave(everybody(member.room))
    await this.#socket.leave(oneDevice(member.room, member.id))
    await this.#signalling.leave(member, 'left')
    return OK
  }

  /** The registry no longer has this device (it timed out): the client joins again. */
  #forgotten(): SignallingRefusal {
    const member = this.#forget()
    if (member !== undefined) {
      void this.#socket.leave(everybody(member.room))
      void this.#socket.leave(oneDevice(member.room, member.id))
    }
    return NOT_JOINED
  }

  #forget(): Membership | undefined {
    const member = this.#member
    this.#member = undefined
    return member
  }
}

const OK = { ok: true } as const
const NOT_JOINED = refuse('not-joined', 'join a room first')

function refuse(reason: SignallingRefusal['reason'], message: string): SignallingRefusal {
  return { ok: false, reason, message }
}

function rateLimited(retryAfterMs: number): SignallingRefusal {
  return { ok: false, reason: 'rate-limited', message: 'too many messages: slow down', retryAfterMs }
}

function refuseOtherVersion(value: unknown): void {
  const profile = typeof value === 'object' && value !== null && 'profile' in value ? value.profile : undefined
  const version =
    typeof profile === 'object' && profile !== null && 'protocol' in profile ? profile.protocol : undefined
  if (typeof version === 'number' && Number.isInteger(version)) checkVersion(version, 'the page', PROTOCOL_VERSION)
}

/** A device reports the links that end at itself; others' links are theirs to report. */
function checkOwnLinks({ profile, links }: Parameters<ClientEvents['profile']>[0]): void {
  if (links.every(({ a, b }) => a !== b && (a === profile.id || b === profile.id))) return
  throw new ProtocolError('malformed', 'a device may report its own links only')
}
