import type { Clock } from '@roomful/core'
import { BundlingChannel } from './bundling-channel.ts'
import type { Connect, ConnectionSignal, PeerConnection, PeerConnectionOptions } from './peer-connection.ts'
import { checkEnvelope } from './signal-envelope.ts'
import { StripedChannel } from './striped-channel.ts'

/** A connection that can take a second lane. */
export interface StripedConnection extends PeerConnection {
  /**
   * Opens a second WebRTC connection beside the first, which carries its signals. Only the initiator's call has an effect,
   * and only the first one.
   */
  widen(): void
  /** As `sendBeat`, over every lane: each tells of its own losses only. */
  probe(bytes: Uint8Array<ArrayBuffer>): void
  /** Lanes in use for what is sent from here. */
  readonly lanes: number
}

/** Names the second lane's signals. */
const SESSION = 'lane-two'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * Makes connections of one lane, and of two after `widen`. The first has the heartbeat and decides when the link is lost;
 * the second comes and goes beside it. `trusts`: the peer has proven itself, so it may ask for a second lane.
 */
export function connectStriped(
  connect: Connect,
  options: PeerConnectionOptions,
  trusts: () => boolean,
  clock: Clock,
): StripedConnection {
  const first = connect(options)
  const data = new StripedChannel(new BundlingChannel(first.data), clock)
  let second: PeerConnection | undefined
  /** There is one second lane in a connection's life: a way that broke or swallowed one would do so again. */
  let opened = false
  let ended = false

  const giveUp = () => {
    if (ended) return
    const lane = second
    second = undefined
    data.remove()
    lane?.close()
  }
  const open = (): PeerConnection => {
    opened = true
    const lane = connect({
      initiator: options.initiator,
      iceServers: options.iceServers,
      onSignal: (signal) => {
        if (ended) return
        try {
          data.note(encoder.encode(JSON.stringify({ kind: 'signal', session: SESSION, signal })))
        } catch {
          // The first lane has closed, and the second closes with it.
        }
      },
      onOpen: () => {
        if (!ended && second === lane) data.add(bundling)
      },
      onBeat: () => {},
      // Frames are in order over both: what is stuck here would hold up the other lane too.
      onTrouble: giveUp,
    })
    const bundling = new BundlingChannel(lane.data)
    data.listen(bundling)
    bundling.onClose = giveUp
    return lane
  }
  data.onStuck = giveUp
  data.onNote = (bytes) => {
    if (ended || !trusts()) return
    const signal = signalIn(bytes)
    if (signal === undefined) return
    if (!opened && !options.initiator && signal.type === 'offer') second = open()
    second?.signal(signal)
  }

  return {
    data,
    get lanes() {
      return data.lanes
    },
    sendBeat: (bytes) => first.sendBeat(bytes),
    probe(bytes) {
      first.sendBeat(bytes)
      second?.sendBeat(bytes)
    },
    async arrived() {
      const counts = await Promise.all([first.arrived?.(), second?.arrived?.()])
      return counts[0] === undefined ? undefined : counts[0] + (counts[1] ?? 0)
    },
    signal: (signal) => first.signal(signal),
    widen() {
      if (options.initiator && !ended && !opened) second = open()
    },
    restartIce() {
      first.restartIce()
      second?.restartIce()
    },
    close() {
      if (ended) return
      ended = true
      second?.close()
      first.close()
    },
  }
}

/** Undefined for anything that is not a signal of the second lane. */
function signalIn(bytes: Uint8Array): ConnectionSignal | undefined {
  try {
    const envelope = checkEnvelope(JSON.parse(decoder.decode(bytes)))
    return envelope.kind === 'signal' && envelope.session === SESSION ? envelope.signal : undefined
  } catch {
    return undefined
  }
}
