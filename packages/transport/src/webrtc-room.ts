import {
  type Clock,
  type DeviceId,
  type DeviceProfile,
  errorText,
  type LinkProfile,
  type Random,
  SerialQueue,
  systemClock,
} from '@roomful/core'
import { deriveRoomKeys, open, type RoomKey, type RoomKeys, type Sealed, seal } from '@roomful/protocol'
import type { FlowLimits } from './flow-controlled-channel.ts'
import { LinkQuality } from './link-quality.ts'
import type { Connect } from './peer-connection.ts'
import type { PeerLink } from './peer-link.ts'
import { BRIEF_BURSTS, probeLink, THOROUGH_BURSTS } from './probe.ts'
import { type ProbeKind, ProbeSchedule } from './probe-schedule.ts'
import { Pulse } from './pulse.ts'
import { RemotePeer } from './remote-peer.ts'
import { type Room, TransportError } from './room.ts'
import { RoomCore } from './room-core.ts'
import { checkEnvelope, type SignalEnvelope } from './signal-envelope.ts'
import { SignallingClient } from './signalling-client.ts'
import { connectSimplePeer } from './simple-peer-connection.ts'

export interface JoinOptions {
  /** The signalling server, e.g. `https://192.168.0.7:8443`; socket.io is expected at /socket.io. */
  readonly url: string
  /** From the invite link (`parseInvite`); never leaves the device. */
  readonly roomKey: RoomKey
  readonly profile: DeviceProfile
  /** STUN and TURN servers; none by default, which is right within one network. A function is asked for every attempt. */
  readonly iceServers?: readonly RTCIceServer[] | (() => readonly RTCIceServer[])
  /** True while this page's timers are throttled. Default: `document.hidden`. */
  readonly hidden?: () => boolean
  readonly clock?: Clock
  readonly random?: Random
  /** Makes connections; simple-peer by default. */
  readonly connect?: Connect
  readonly limits?: FlowLimits
  /**
   * How long a server that cannot be reached, or lets nobody in, is tried before joining ends with `unreachable`.
   * Milliseconds, minimum 1, default 30,000: three attempts of socket.io on a slow network. What is lost after joining is
   * tried for again without end.
   */
  readonly joinTimeoutMs?: number
  /** Gives up joining. */
  readonly signal?: AbortSignal
}

/** Signals of one peer that may wait to be opened or sealed. */
const MAX_WAITING_SIGNALS = 128
/** A transfer this long ago may still have its acknowledgements and its decoding under way. */
const CALM_MS = 500
/** One look of so many measures the link as if nothing was known of it. */
const WHOLE_LOOKS = 3
/** Transfers within this time that tell enough of a link. */
const KNOWN_MS = 30_000

interface Remote {
  readonly peer: RemotePeer
  readonly quality: LinkQuality
  readonly sealing: SerialQueue
  readonly opening: SerialQueue
  probes?: ProbeSchedule
}

/**
 * Joins a room over WebRTC: registers with the signalling server and links to every device in the room.
 * @throws TransportError `version`, `rejected`, `malformed` (the server refused, or the URL is none), `unreachable` (after
 * `joinTimeoutMs`), `closed`; ProtocolError `insecure-context`; or `signal.reason`
 */
export async function joinRoom(options: JoinOptions): Promise<Room> {
  options.signal?.throwIfAborted()
  checkServerUrl(options.url)
  const room = new WebRtcRoom(options, await deriveRoomKeys(options.roomKey))
  const onAbort = () => void room.core[Symbol.asyncDispose]()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await room.connect()
    options.signal?.throwIfAborted()
    return room.core
  } catch (error) {
    await room.core[Symbol.asyncDispose]()
    options.signal?.throwIfAborted()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
  }
}

/** What a server that does not answer is given: an old phone on a slow network needs some seconds. */
const JOIN_TIMEOUT_MS = 30_000

/** @throws TransportError `malformed` unless it is an absolute http or https address */
export function checkServerUrl(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return
  throw new TransportError(
    'malformed',
    `"${url}" is no address of a server: one such as https://192.168.0.7:8443 is needed`,
  )
}

class WebRtcRoom {
  readonly core: RoomCore
  readonly #o: JoinOptions
  readonly #keys: RoomKeys
  readonly #clock: Clock
  readonly #pulse: Pulse
  readonly #signalling: SignallingClient
  readonly #remotes = new Map<DeviceId, Remote>()
  readonly #random: Random
  #ownSpeeds: DeviceProfile['backends']
  /** One link of this device at a time: they share its processor and its way into the network. */
  readonly #probeQueue = new SerialQueue()
  /** Links as their owners reported them, by owner. */
  readonly #reported = new Map<DeviceId, readonly LinkProfile[]>()

  constructor(options: JoinOptions, keys: RoomKeys) {
    this.#o = options
    this.#keys = keys
    this.#clock = options.clock ?? systemClock
    this.#pulse = new Pulse(this.#clock)
    this.#ownSpeeds = options.profile.backends
    this.#random = options.random ?? { next: Math.random, int: (bound) => Math.floor(Math.random() * bound) }
    this.core = new RoomCore({
      profile: options.profile,
      clock: this.#clock,
      host: {
        publish: (profile) => this.#onOwnProfile(profile),
        leave: () => this.#leave(),
        expel: (id, error) => this.#remotes.get(id)?.peer.drop(error.message),
      },
    })
    this.#signalling = new SignallingClient({
      url: options.url,
      room: keys.roomId,
      clock: this.#clock,
      joinTimeoutMs: options.joinTimeoutMs ?? JOIN_TIMEOUT_MS,
      describe: () => ({ profile: this.core.profile, links: this.core.ownLinks }),
      onJoined: (peers, links) => this.#onJoined(peers, links),
      onPeer: (profile, links) => this.#onPeer(profile, links),
      onUnseen: (id) => {
        if (this.#remotes.has(id)) this.core.emit('unseen', id)
      },
      onLeft: (id, reason) => this.#onLeft(id, reason),
      onSignal: (from, sealed) => this.#onSignal(from, sealed),
      onState: (state, detail) => {
        if (detail === undefined) this.core.emit('signalling', state)
        else this.core.emit('signalling', state, detail)
      },
      onWarning: (text) => this.core.emit('warning', text),
    })
  }

  connect(): Promise<void> {
    return this.#signalling.connect()
  }

  #onOwnProfile({ backends }: DeviceProfile): void {
    this.#signalling.publish()
    if (sameSpeeds(backends, this.#ownSpeeds)) return
    this.#ownSpeeds = backends
    for (const { probes } of this.#remotes.values()) probes?.news()
  }

  async #leave(): Promise<void> {
    for (const id of [...this.#remotes.keys()]) this.#forget(id, 'the room was left')
    await this.#signalling.leave()
  }

  #onJoined(peers: readonly DeviceProfile[], links: readonly LinkProfile[]): void {
    const present = new Set(peers.map((profile) => profile.id))
    for (const [id, remote] of this.#remotes) if (!present.has(id)) this.#unregister(id, remote, 'disconnected')
    for (const profile of peers)
      this.#onPeer(
        profile,
        links.filter((link) => link.a === profile.id),
      )
  }

  #onPeer(profile: DeviceProfile, links: readonly LinkProfile[]): void {
    if (this.core.closed || profile.id === this.core.self) return
    const remote = this.#remotes.get(profile.id) ?? this.#add(profile.id)
    const hasNews = !sameSpeeds(this.core.peers.get(profile.id)?.profile.backends, profile.backends)
    // Who hears of the peer looks at its links with others too.
    this.#reported.set(profile.id, links)
    this.core.setRoomLinks(merged(this.#reported.values()))
    this.core.peerKnown(profile)
    if (hasNews) remote.probes?.news()
    if (!remote.peer.registered) remote.peer.forgive()
    remote.peer.registered = true
    remote.peer.start()
  }

  #onLeft(id: DeviceId, reason: 'left' | 'timeout' | 'disconnected'): void {
    const remote = this.#remotes.get(id)
    if (remote === undefined) return
    if (reason === 'left') this.#forget(id, 'it left')
    else this.#unregister(id, remote, reason)
  }

  /** Gone from the registry, not by its own word: a link that lives goes on without the server. */
  #unregister(id: DeviceId, remote: Remote, reason: string): void {
    remote.peer.registered = false
    if (!remote.peer.up || remote.peer.silent) this.#forget(id, reason)
  }

  #forget(id: DeviceId, reason: string): void {
    const remote = this.#remotes.get(id)
    if (remote === undefined) return
    this.#remotes.delete(id)
    this.#reported.delete(id)
    this.core.setRoomLinks(merged(this.#reported.values()))
    remote.probes?.stop()
    this.core.peerGone(id, reason)
    remote.peer.close(reason)
  }

  #add(id: DeviceId): Remote {
    const { iceServers = [], hidden, connect = connectSimplePeer, limits } = this.#o
    const quality = new LinkQuality(this.#clock)
    const peer = new RemotePeer({
      self: this.core.self,
      id,
      keys: this.#keys,
      clock: this.#clock,
      pulse: this.#pulse,
      random: this.#random,
      connect,
      iceServers: () => (typeof iceServers === 'function' ? iceServers() : iceServers),
      hidden: hidden ?? (() => globalThis.document?.hidden === true),
      sendSignal: (envelope) => this.#sendSignal(id, remote, envelope),
      onUp: (link) => {
        const peerLink = this.core.linkUp(id, link)
        if (peerLink !== undefined && remote.peer.initiator) remote.probes = this.#probing(id, remote, peerLink)
        return peerLink
      },
      onRetry: () => this.core.linkRetry(id),
      onDown: (reason) => {
        remote.probes?.stop()
        this.core.linkDown(id, reason)
        if (!remote.peer.registered) this.#forget(id, reason)
        this.#signalling.publish()
      },
      onSilent: (silent) => this.core.linkSilent(id, silent),
      onRtt: (rttMs, newestMs) => this.#measured(id, remote, quality.roundTrip(rttMs, newestMs)),
      onRate: (sample) => this.#measured(id, remote, quality.received(sample)),
      onTold: (mbitPerSecond) => this.#measured(id, remote, quality.told(mbitPerSecond)),
      receivedMbit: () => quality.receiveMbitPerSecond,
      idleRttMs: () => quality.idleRttMs,
      steadyRttMs: () => quality.steadyRttMs,
      sendMbit: () => quality.sendMbitPerSecond,
      onRefused: (error) => {
        this.core.emit('warning', error.message)
        this.core.linkDown(id, error.message)
      },
      ...(limits === undefined ? {} : { limits }),
    })
    const remote: Remote = {
      peer,
      quality,
      sealing: new SerialQueue(MAX_WAITING_SIGNALS),
      opening: new SerialQueue(MAX_WAITING_SIGNALS),
    }
    this.#remotes.set(id, remote)
    return remote
  }

  /** One of the two ends measures both directions: bursts that meet in a slow device would measure each other. */
  #probing(id: DeviceId, remote: Remote, link: PeerLink): ProbeSchedule {
    remote.probes?.stop()
    const { quality } = remote
    let looks = 0
    const probe = async (kind: ProbeKind) => {
      const isLook = kind === 'look' || kind === 'forced'
      const whole = (looks + 1) % WHOLE_LOOKS === 0
      const bursts = kind === 'thorough' ? THOROUGH_BURSTS : BRIEF_BURSTS
      const result = await probeLink(link, this.#clock, {
        bursts,
        expected: isLook ? quality.expectation({ whole, atOnce: kind === 'forced' }) : undefined,
      })
      if (result === undefined) return false
      if (isLook) looks++
      this.#measured(id, remote, quality.probed(result))
      return true
    }
    return new ProbeSchedule({
      clock: this.#clock,
      random: this.#random,
      calm: () => [...this.#remotes.values()].every(({ peer }) => !peer.busy(CALM_MS)),
      known: () => quality.known(KNOWN_MS),
      // A link that cannot be probed ends by itself or is measured by its transfers.
      probe: (kind) => this.#probeQueue.run(() => probe(kind)).catch(() => true),
    })
  }

  #measured(id: DeviceId, remote: Remote, worthTelling: boolean): void {
    if (!worthTelling) return
    this.core.linkMeasured(id, remote.quality.figures)
    this.#signalling.publish()
  }

  /** One after the other: an offer must not be overtaken by its candidates. */
  #sendSignal(to: DeviceId, remote: Remote, envelope: SignalEnvelope): void {
    const route = { from: this.core.self, to }
    remote.sealing
      .run(async () => {
        if (this.#signalling.joined) await this.#signalling.signal(to, await seal(this.#keys, route, envelope))
      })
      .catch((error: unknown) => this.core.emit('warning', `signal to ${to}: ${errorText(error)}`))
  }

  #onSignal(from: DeviceId, sealed: Sealed): void {
    const remote = this.#remotes.get(from)
    if (remote === undefined) return
    const route = { from, to: this.core.self }
    remote.opening
      .run(async () => {
        const envelope = checkEnvelope(await open(this.#keys, route, sealed))
        if (this.#remotes.get(from) === remote) remote.peer.receive(envelope)
      })
      .catch((error: unknown) => this.core.emit('warning', `signal from ${from}: ${errorText(error)}`))
  }
}

const sameSpeeds = (a: DeviceProfile['backends'] | undefined, b: DeviceProfile['backends']): boolean =>
  JSON.stringify(a) === JSON.stringify(b)

/** One entry per pair of devices; the report of the lower id counts where both report. */
function merged(reports: Iterable<readonly LinkProfile[]>): LinkProfile[] {
  const links = new Map<string, LinkProfile>()
  for (const report of reports) {
    for (const link of report) {
      const key = link.a < link.b ? `${link.a} ${link.b}` : `${link.b} ${link.a}`
      if (!links.has(key) || link.a < link.b) links.set(key, link)
    }
  }
  return [...links.values()]
}
