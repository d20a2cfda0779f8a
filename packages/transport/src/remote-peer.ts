import type { Clock, DeviceId, Random } from '@roomful/core'
import { createNonce, type PeerMessage, type RoomKeys } from '@roomful/protocol'
import type { FlowLimits } from './flow-controlled-channel.ts'
import { FramedLink } from './framed-link.ts'
import { Handshake } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import type { MessageLink } from './message-link.ts'
import type { Connect, PeerConnectionOptions } from './peer-connection.ts'
import type { PeerLink } from './peer-link.ts'
import type { Pulse } from './pulse.ts'
import { TransportError } from './room.ts'
import type { SignalEnvelope } from './signal-envelope.ts'
import { connectStriped, type StripedConnection } from './striped-connection.ts'
import type { RateSample } from './transfer-meter.ts'

export interface RemotePeerOptions {
  readonly self: DeviceId
  readonly id: DeviceId
  readonly keys: RoomKeys
  readonly clock: Clock
  /** Wakes all links of the room. */
  readonly pulse: Pulse
  readonly random: Random
  readonly connect: Connect
  readonly iceServers: () => readonly RTCIceServer[]
  readonly hidden: () => boolean
  readonly limits?: FlowLimits
  /** Goes sealed to the peer, when the server can be reached. */
  readonly sendSignal: (envelope: SignalEnvelope) => void
  /** Hello was exchanged. Returns what takes the link's messages; undefined refuses it. */
  readonly onUp: (link: MessageLink) => PeerLink | undefined
  readonly onRetry: () => void
  readonly onDown: (reason: string) => void
  readonly onSilent: (silent: boolean) => void
  readonly onRtt: (rttMs: number, newestMs: number) => void
  /** A measurement of what comes in. */
  readonly onRate: (sample: RateSample) => void
  /** What the peer gets from here, by its word, in 10^6 bits per second. */
  readonly onTold: (mbitPerSecond: number) => void
  /** What comes in, as far as it is known: the peer is told. */
  readonly receivedMbit: () => number | undefined
  readonly idleRttMs: () => number | undefined
  /** Of the way itself, where that can be told. */
  readonly steadyRttMs: () => number | undefined
  /** What goes out, as far as it is known, in 10^6 bits per second. */
  readonly sendMbit: () => number | undefined
  /** The peer does not know the key or speaks another version: no further attempts. */
  readonly onRefused: (error: TransportError) => void
}

/** A path found in more than this is as good as none. */
const ATTEMPT_MS = 12_000
/** A silent link is given up after this long; the heartbeat has noticed it within 2 s. */
const LOST_MS = 8000
const RESTART_EVERY_MS = 3000
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 15_000
/** The answering side reminds the initiator when nothing has come for this long. */
const CALL_AFTER_MS = 4000
/** Round trips between which a second connection pays (docs/transport.md). */
const WIDE_FROM_MS = 20
const WIDE_UNTIL_MS = 200
/** Before, the way's round trip is not known well enough. */
const WIDE_AFTER_MS = 10_000
/** A call that was sent before a fresh attempt or link came up must not tear it down. */
const FRESH_MS = 3000

interface Attempt {
  readonly session: string
  readonly connection: StripedConnection
  readonly link: FramedLink
  readonly handshake: Handshake
  readonly sinceMs: number
  upSinceMs?: number
  peerLink?: PeerLink
  heartbeat?: Heartbeat
  ended: boolean
}

/**
 * The way to one peer over time: attempts to connect, hello, heartbeat, a new path when the old one falters, new attempts
 * with growing pauses when it is lost. The lower device id initiates, so two offers never cross.
 */
export class RemotePeer {
  /** Whether the registry has it; a lost link to a peer that left is not attempted again. */
  registered = true
  readonly #o: RemotePeerOptions
  readonly #initiator: boolean
  readonly #ended: string[] = []
  #attempt: Attempt | undefined
  #failures = 0
  #refused = false
  #closed = false
  #lastRestartMs = Number.NEGATIVE_INFINITY
  #cancelDeadline: () => void = () => {}
  #cancelRetry: () => void = () => {}
  #cancelLost: () => void = () => {}

  constructor(options: RemotePeerOptions) {
    this.#o = options
    this.#initiator = options.self < options.id
  }

  get up(): boolean {
    return this.#attempt?.peerLink !== undefined
  }

  get silent(): boolean {
    return this.#attempt?.heartbeat?.silent === true
  }

  /** The side that makes offers, and probes the link. */
  get initiator(): boolean {
    return this.#initiator
  }

  /** Messages of some size are under way, or were `withinMs` ago. */
  busy(withinMs: number): boolean {
    return this.#attempt?.link.busy(withinMs) === true
  }

  /** The peer is in the registry and the server can be reached: connect unless that is done or under way. */
  start(): void {
    if (this.#closed || this.#refused || this.#attempt !== undefined) return
    this.#cancelRetry()
    if (this.#initiator) this.#begin(createNonce())
    else this.#callLater()
  }

  /** The peer has come anew: an earlier refusal no longer counts. */
  forgive(): void {
    this.#refused = false
    this.#failures = 0
  }

  receive(envelope: SignalEnvelope): void {
    if (this.#closed || this.#refused) return
    const current = this.#attempt
    if (envelope.kind === 'call') {
      const fresh = current !== undefined && this.#o.clock.now() - (current.upSinceMs ?? current.sinceMs) < FRESH_MS
      if (!this.#initiator || fresh) return
      this.#end('the peer lost the link')
      this.#begin(createNonce())
      return
    }
    if (current?.session === envelope.session) {
      if (envelope.kind === 'restart') this.#restart(current)
      else current.connection.signal(envelope.signal)
      return
    }
    const isOffer = envelope.kind === 'signal' && envelope.signal.type === 'offer'
    if (this.#initiator || !isOffer || this.#ended.includes(envelope.session)) return
    this.#end('the peer connects anew')
    this.#begin(envelope.session)
    this.#attempt?.connection.signal(envelope.signal)
  }

  /** Ends the link and everything that waits; final. */
  close(reason: string): void {
    this.#closed = true
    this.#end(reason)
  }

  /** Ends the present link; a new attempt follows when the peer is still registered. */
  drop(reason: string): void {
    if (this.#attempt !== undefined) this.#fail(this.#attempt, new TransportError('disconnected', reason))
  }

  #begin(session: string): void {
    this.#cancelRetry()
    const { clock, self, id, keys, limits } = this.#o
    this.#o.onRetry()
    const events: PeerConnectionOptions = {
      initiator: this.#initiator,
      iceServers: this.#o.iceServers(),
      onSignal: (signal) => {
        if (!attempt.ended) this.#o.sendSignal({ kind: 'signal', session, signal })
      },
      onOpen: () => {
        if (attempt.ended) return
        attempt.handshake.run(clock).then(
          () => this.#up(attempt),
          (error: unknown) => this.#fail(attempt, error),
        )
      },
      onBeat: (bytes) => attempt.heartbeat?.receive(bytes),
      onTrouble: () => this.#restart(attempt),
    }
    const connection = connectStriped(this.#o.connect, events, () => attempt.peerLink !== undefined, clock)
    const link = new FramedLink({
      channel: connection.data,
      clock,
      onMessage: (message) => route(attempt, message),
      onOffence: (error) => {
        if (attempt.peerLink === undefined) this.#fail(attempt, error)
        else attempt.peerLink.offence(error.reason === 'too-large' ? 'too-large' : 'malformed', error.message)
      },
      onBytes: () => attempt.heartbeat?.alive(),
      onSent: (bytes) => attempt.heartbeat?.sent(bytes),
      onWhole: (bytes) => attempt.heartbeat?.whole(bytes),
      tell: () => attempt.heartbeat?.tell(),
      onRate: (sample) => this.#o.onRate(sample),
      idleRttMs: () => this.#o.idleRttMs(),
      sendMbit: () => this.#o.sendMbit(),
      onClose: (error) => this.#fail(attempt, error),
      ...(limits === undefined ? {} : { limits }),
    })
    const handshake = new Handshake({ self, peer: id, keys, link })
    const attempt: Attempt = { session, connection, link, handshake, sinceMs: clock.now(), ended: false }
    this.#attempt = attempt
    this.#cancelDeadline = clock.after(ATTEMPT_MS, () => {
      this.#fail(attempt, new TransportError('unreachable', `no path found within ${ATTEMPT_MS / 1000} s`))
    })
  }

  #up(attempt: Attempt): void {
    if (attempt.ended) return
    this.#cancelDeadline()
    const { link } = attempt
    const peerLink = this.#o.onUp(link)
    if (peerLink === undefined) return
    attempt.peerLink = peerLink
    attempt.upSinceMs = this.#o.clock.now()
    this.#failures = 0
    attempt.heartbeat = new Heartbeat({
      pulse: this.#o.pulse,
      hidden: this.#o.hidden,
      busy: () => peerLink.open.outgoing + peerLink.open.incoming > 0,
      sending: () => link.unsentBytes > 0,
      slices: () => link.slices,
      onArrived: (slices) => link.arrived(slices),
      send: (bytes) => attempt.connection.sendBeat(bytes),
      probe: (bytes) => attempt.connection.probe(bytes),
      onRtt: (rttMs, newestMs) => {
        this.#o.onRtt(rttMs, newestMs)
        this.#widen(attempt)
      },
      arrived: async () => attempt.connection.arrived?.(),
      receivedMbit: () => this.#o.receivedMbit(),
      sendMbit: () => this.#o.sendMbit(),
      onTold: (mbitPerSecond) => this.#o.onTold(mbitPerSecond),
      onSilent: (silent) => this.#silence(attempt, silent),
    })
    for (const message of attempt.handshake.early) peerLink.receive(message)
  }

  /**
   * On a long way two congestion windows carry more than one; on a short one they only cost: what took a page of a tenth of a core long while it
   * started was no long way, and its second connection doubled its acknowledgements and checks for as long as it stayed.
   */
  #widen(attempt: Attempt): void {
    const upMs = this.#o.clock.now() - (attempt.upSinceMs ?? Number.POSITIVE_INFINITY)
    if (!this.#initiator || upMs < WIDE_AFTER_MS) return
    const rttMs = this.#o.steadyRttMs() ?? 0
    if (rttMs >= WIDE_FROM_MS && rttMs <= WIDE_UNTIL_MS) attempt.connection.widen()
  }

  #silence(attempt: Attempt, silent: boolean): void {
    this.#cancelLost()
    this.#o.onSilent(silent)
    if (!silent) return
    if (!this.registered) {
      this.#fail(attempt, new TransportError('disconnected', 'it left without a word'))
      return
    }
    this.#restart(attempt)
    this.#cancelLost = this.#o.clock.after(LOST_MS, () => {
      this.#fail(attempt, new TransportError('disconnected', 'no sign of life'))
    })
  }

  /** Looks for a new path: the initiator does, the other side asks it to. */
  #restart(attempt: Attempt): void {
    const nowMs = this.#o.clock.now()
    if (attempt.ended || attempt.peerLink === undefined || nowMs - this.#lastRestartMs < RESTART_EVERY_MS) return
    this.#lastRestartMs = nowMs
    if (this.#initiator) attempt.connection.restartIce()
    else this.#o.sendSignal({ kind: 'restart', session: attempt.session })
  }

  #fail(attempt: Attempt, error: unknown): void {
    if (attempt.ended) return
    const known = error instanceof TransportError ? error : new TransportError('disconnected', String(error))
    const neverUp = attempt.peerLink === undefined
    this.#end(known.message)
    if (neverUp && (known.reason === 'version' || known.reason === 'rejected')) {
      this.#refused = true
      this.#o.onRefused(known)
    } else if (this.registered && !this.#closed) this.#retryLater()
  }

  /** Ends the present attempt, if any, and says so when its link had been up. */
  #end(reason: string): void {
    this.#cancelDeadline()
    this.#cancelRetry()
    this.#cancelLost()
    const attempt = this.#attempt
    if (attempt === undefined || attempt.ended) return
    attempt.ended = true
    this.#attempt = undefined
    this.#ended.push(attempt.session)
    if (this.#ended.length > 8) this.#ended.shift()
    attempt.heartbeat?.stop()
    attempt.handshake.fail(new TransportError('disconnected', reason))
    attempt.link.close()
    attempt.connection.close()
    if (attempt.peerLink !== undefined) this.#o.onDown(reason)
  }

  #retryLater(): void {
    if (!this.#initiator) {
      this.#callLater()
      return
    }
    const pauseMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++) * (0.5 + this.#o.random.next())
    this.#cancelRetry = this.#o.clock.after(pauseMs, () => this.start())
  }

  #callLater(): void {
    const pauseMs = Math.min(MAX_RETRY_MS, CALL_AFTER_MS * 2 ** Math.min(4, this.#failures++))
    this.#cancelRetry = this.#o.clock.after(pauseMs, () => {
      if (this.#closed || this.#attempt !== undefined || !this.registered) return
      this.#o.sendSignal({ kind: 'call' })
      this.#callLater()
    })
  }
}

function route(attempt: Attempt, message: PeerMessage): void {
  if (attempt.peerLink === undefined) attempt.handshake.receive(message)
  else attempt.peerLink.receive(message)
}
