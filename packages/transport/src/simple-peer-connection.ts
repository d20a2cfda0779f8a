import SimplePeer from 'simple-peer/simplepeer.min.js'
import type { ByteChannel } from './channel.ts'
import type { ConnectionSignal, PeerConnection, PeerConnectionOptions } from './peer-connection.ts'

/**
 * The parts of simple-peer 9.11 that are not in its documented interface. It opens one data channel and hides it; flow
 * control needs its low-water event, and heartbeats need a second channel on the same connection.
 */
interface PeerInternals {
  readonly _pc: RTCPeerConnection
  readonly _channel: RTCDataChannel | null
  negotiate(): void
}

/** Both sides open the heartbeat channel under this id themselves; simple-peer's own gets 0 or 1. */
const BEAT_CHANNEL_ID = 1000

/** One WebRTC connection through simple-peer: the only file that knows of it. */
export function connectSimplePeer(options: PeerConnectionOptions): PeerConnection {
  const peer = new SimplePeer({
    initiator: options.initiator,
    trickle: true,
    // Never simple-peer's default, which asks public STUN servers: in a room no packet has to leave it.
    config: { iceServers: [...options.iceServers] },
  })
  const internals = peer as unknown as PeerInternals
  const beats = internals._pc.createDataChannel('beats', {
    negotiated: true,
    id: BEAT_CHANNEL_ID,
    ordered: false,
    maxRetransmits: 0,
  })
  beats.binaryType = 'arraybuffer'
  beats.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) options.onBeat(new Uint8Array(data))
  }
  let closed = false
  let failure = 'the connection was closed'
  const data: ByteChannel = {
    send(bytes) {
      const channel = internals._channel
      if (closed || channel?.readyState !== 'open') throw new Error('the channel is not open')
      channel.send(bytes)
    },
    get bufferedAmount() {
      return internals._channel?.bufferedAmount ?? 0
    },
    onLow: undefined,
    lowWaterBytes: 0,
    onMessage: undefined,
    onClose: undefined,
    close: () => close(),
  }
  // simple-peer makes a Node stream of the incoming messages; straight from the channel there is one copy less.
  const takeOver = () => {
    const channel = internals._channel
    if (channel === null) return
    channel.onmessage = ({ data: message }) => {
      if (message instanceof ArrayBuffer) data.onMessage?.(new Uint8Array(message))
    }
  }
  const close = () => {
    if (closed) return
    closed = true
    beats.close()
    peer.destroy()
  }

  takeOver()
  internals._pc.addEventListener('datachannel', takeOver)
  peer.on('signal', (signal) => options.onSignal(signal as ConnectionSignal))
  peer.on('connect', () => {
    const channel = internals._channel
    if (channel !== null) {
      channel.bufferedAmountLowThreshold = data.lowWaterBytes
      channel.addEventListener('bufferedamountlow', () => data.onLow?.())
    }
    options.onOpen()
  })
  peer.on('iceStateChange', (state: string) => {
    if (state === 'disconnected') options.onTrouble()
  })
  peer.on('error', (error: Error) => {
    failure = error.message
  })
  peer.on('close', () => {
    closed = true
    data.onClose?.(failure)
  })

  return {
    data,
    sendBeat(bytes) {
      if (beats.readyState === 'open') beats.send(bytes)
    },
    async arrived() {
      return closed ? undefined : received(await internals._pc.getStats())
    },
    signal(signal) {
      if (!peer.destroyed && !closed) peer.signal(signal as Parameters<typeof peer.signal>[0])
    },
    restartIce() {
      if (!options.initiator || closed || peer.destroyed) return
      internals._pc.restartIce()
      internals.negotiate()
    },
    close,
  }
}

/** https://www.w3.org/TR/webrtc-stats/#candidatepair-dict*: bytes do not include connectivity checks. */
interface PairStats {
  readonly bytesReceived?: number
  readonly requestsReceived?: number
  readonly responsesReceived?: number
}

function received(report: RTCStatsReport): number {
  let sum = 0
  report.forEach((entry: RTCStats) => {
    if (entry.type !== 'candidate-pair') return
    const { bytesReceived = 0, requestsReceived = 0, responsesReceived = 0 } = entry as PairStats
    sum += bytesReceived + requestsReceived + responsesReceived
  })
  return sum
}
