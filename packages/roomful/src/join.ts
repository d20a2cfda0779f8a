import { type DeviceProfile, deviceId, errorText } from '@roomful/core'
import { createRoomKey, formatInvite, PROTOCOL_VERSION, parseInvite } from '@roomful/protocol'
import { checkServerUrl, joinRoom as joinOverWebRtc } from '@roomful/transport'
import { defaultDeviceName } from './device/device-name.ts'
import { openSettings } from './device/settings.ts'
import { Seat } from './seat.ts'
import { RoomfulError, type RoomSession } from './session.ts'
import type { RoomSnapshot } from './snapshot.ts'
import { EMPTY_STATS } from './view/stats.ts'
import { SnapshotStore } from './view/store.ts'

export interface JoinOptions {
  /** The signalling server, e.g. `https://192.168.0.7:8443`. Another origin than the page's must allow it (CORS). */
  readonly url: string
  /** An invite link, or any link: without a key in its fragment a new room is made. Default: a new room. */
  readonly invite?: string
  /** `observer` watches and computes nothing. Default `worker`. */
  readonly role?: 'worker' | 'observer'
  /** Shown to the others, at most 40 characters. Default: what was used before, else made from the browser's name. */
  readonly name?: string
  /** STUN and TURN servers. Default: those that the signalling server names at /ice. */
  readonly iceServers?: readonly RTCIceServer[]
  /**
   * How long a server that cannot be reached, or lets nobody in, is tried before joining ends with TransportError
   * `unreachable`. Milliseconds, minimum 1, default 30,000. A server that is lost after joining is tried for again without end.
   */
  readonly joinTimeoutMs?: number
  readonly signal?: AbortSignal
}

/** Guess where the browser does not say (Firefox, Safari). */
const UNKNOWN_MEMORY_MB = 2_048

/**
 * Takes a seat in a room: registers, links to every device in it, measures this device and keeps the best plan installed.
 * @throws RoomfulError `bad-invite`, `unsupported`; TransportError `malformed` (the URL is none), `unreachable` (after
 * `joinTimeoutMs`, and at most 5 s for what is asked of storage and server before), or when the server refuses; `signal.reason`
 */
export async function joinRoom(options: JoinOptions): Promise<RoomSession> {
  const { url, role = 'worker', joinTimeoutMs, signal } = options
  checkServerUrl(url)
  if (globalThis.crypto?.subtle === undefined) {
    throw new RoomfulError('unsupported', 'this page needs a secure context: open the https link.')
  }
  const link = options.invite ?? url
  const roomKey = readInvite(link) ?? createRoomKey()
  const inviteUrl = formatInvite(inviteBase(link), roomKey)
  const settings = openSettings()
  const known = await settings.read()
  const profile = firstProfile(role, options.name || known.name || defaultDeviceName(navigator.userAgent))
  const ice =
    options.iceServers === undefined ? await keptIce(url, signal) : { servers: options.iceServers, stop: () => {} }
  const iceServers = () => ice.servers
  const room = await joinOverWebRtc({
    url,
    roomKey,
    profile,
    iceServers,
    ...(joinTimeoutMs === undefined ? {} : { joinTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    ice.stop()
    throw error
  })
  const store = new SnapshotStore(firstSnapshot(profile, role, inviteUrl))
  const seat = new Seat({ room, profile, store, settings, onLeft: ice.stop })
  await seat.start()
  return seat
}

function readInvite(link: string) {
  try {
    return parseInvite(link)
  } catch (cause) {
    throw new RoomfulError('bad-invite', errorText(cause), { cause })
  }
}

/** The invite is the page's address without the options that are this device's own. */
function inviteBase(link: string): URL {
  const base = new URL(link, location.href)
  for (const own of ['observer', 'name']) base.searchParams.delete(own)
  return base
}

function firstProfile(role: 'worker' | 'observer', name: string): DeviceProfile {
  const { deviceMemory } = navigator as { deviceMemory?: number }
  return {
    id: deviceId(crypto.randomUUID()),
    name: name.slice(0, 40),
    protocol: PROTOCOL_VERSION,
    role,
    backends: [],
    models: [],
    memoryMb: deviceMemory === undefined ? UNKNOWN_MEMORY_MB : Math.round(deviceMemory * 1024 * 0.5),
    storage: { quotaMb: 0, writeMbPerSecond: 0, readMbPerSecond: 0 },
    lending: false,
    visible: document.visibilityState === 'visible',
    load: 0,
  }
}

function firstSnapshot(profile: DeviceProfile, role: 'worker' | 'observer', inviteUrl: string): RoomSnapshot {
  return {
    phase: 'joined',
    self: profile,
    role,
    inviteUrl,
    signalling: 'connected',
    benchmark: { running: role === 'worker', step: 'starting', progress: 0 },
    peers: [],
    links: [],
    modelState: 'none',
    lending: { asked: true, allowed: false },
    serving: 0,
    requests: [],
    stats: EMPTY_STATS,
    messages: [],
  }
}

/** TURN credentials are valid for an hour at most: they are asked for anew well before. */
const ICE_EVERY_MS = 30 * 60_000

/** The server's ICE servers, kept fresh until `stop`. */
async function keptIce(
  url: string,
  signal: AbortSignal | undefined,
): Promise<{ servers: readonly RTCIceServer[]; stop: () => void }> {
  const kept = { servers: await serverIce(url, signal), stop: () => clearInterval(timer) }
  const timer = setInterval(async () => {
    const servers = await serverIce(url)
    if (servers.length > 0) kept.servers = servers
  }, ICE_EVERY_MS)
  return kept
}

/** TURN and STUN as the server is configured; none when it does not say within 3 s (right within one network). */
async function serverIce(url: string, signal?: AbortSignal): Promise<readonly RTCIceServer[]> {
  try {
    const timeout = AbortSignal.timeout(3_000)
    const response = await fetch(new URL('/ice', url), {
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    const body: unknown = await response.json()
    const servers = (body as { iceServers?: unknown }).iceServers
    return Array.isArray(servers) ? (servers as RTCIceServer[]) : []
  } catch {
    return []
  }
}
