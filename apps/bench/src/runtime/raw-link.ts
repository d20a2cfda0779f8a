import { systemClock, withDeadline } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'
import type { LinkCost } from './floor.ts'

const ECHOES = 60
const ECHO_BYTES = 64
const CHUNK_BYTES = 16 << 10
const STREAM_BYTES = 4 << 20
const GATHER_MS = 10_000
/** For each step of the measurement. */
const STEP_MS = 30_000

declare global {
  /** Of the measurement under way in this page. */
  var benchRaw: { connection: RTCPeerConnection; channel: Promise<RTCDataChannel> } | undefined
}

/**
 * What the link between two pages itself costs, on a plain ordered reliable RTCDataChannel that is opened beside
 * Roomful's: `rttMs` is the median of 60 echoes of 64 bytes, `bytesPerMs` the goodput of 4 MiB in chunks of 16 KiB (pause
 * above 256 KiB buffered), from the first chunk to the receiver's word that all have come, less one round trip.
 */
export async function rawLink(from: Device, to: Device): Promise<LinkCost> {
  // tsx wraps named functions in a helper that does not come into the page with them.
  for (const { page } of [from, to]) await page.evaluate('globalThis.__name ??= (f) => f')
  const within = <T>(work: Promise<T>) =>
    withDeadline(work, {
      clock: systemClock,
      timeoutMs: STEP_MS,
      onTimeout: () => new Error(`the raw link of ${from.name} and ${to.name} could not be measured in time`),
    })
  const offer = await within(describe(from, undefined))
  const answer = await within(describe(to, offer))
  await from.page.evaluate(
    (sdp) => globalThis.benchRaw?.connection.setRemoteDescription({ type: 'answer', sdp }),
    answer,
  )
  try {
    await within(serve(to))
    const rttMs = await within(echoMs(from))
    const tookMs = await within(streamMs(from))
    return { rttMs, bytesPerMs: STREAM_BYTES / Math.max(0.1, tookMs - rttMs) }
  } finally {
    for (const device of [from, to]) await device.page.evaluate(() => globalThis.benchRaw?.connection.close())
  }
}

/** Makes one end; resolves with its description once all its candidates are in it. */
function describe(device: Device, offer: string | undefined): Promise<string> {
  return device.page.evaluate(
    async ({ offer, timeoutMs }) => {
      const connection = new RTCPeerConnection()
      const channel = new Promise<RTCDataChannel>((resolve, reject) => {
        const use = (one: RTCDataChannel) => {
          one.binaryType = 'arraybuffer'
          one.addEventListener('open', () => resolve(one), { once: true })
          one.addEventListener('error', () => reject(new Error('the raw channel failed')), { once: true })
        }
        if (offer === undefined) use(connection.createDataChannel('raw'))
        else connection.addEventListener('datachannel', ({ channel: one }) => use(one), { once: true })
      })
      globalThis.benchRaw = { connection, channel }
      if (offer !== undefined) await connection.setRemoteDescription({ type: 'offer', sdp: offer })
      await connection.setLocalDescription()
      const endMs = performance.now() + timeoutMs
      while (connection.iceGatheringState !== 'complete') {
        if (performance.now() > endMs) throw new Error('the candidates of the raw channel were not gathered in time')
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return connection.localDescription?.sdp ?? ''
    },
    { offer, timeoutMs: GATHER_MS },
  )
}

/** Echoes short messages, and says when a whole stream has come. */
function serve(device: Device): Promise<void> {
  return device.page.evaluate(
    async ({ echoBytes, streamBytes }) => {
      const channel = await globalThis.benchRaw?.channel
      let came = 0
      channel?.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => {
        if (data.byteLength <= echoBytes) return channel.send(data)
        came += data.byteLength
        if (came >= streamBytes) channel.send(new ArrayBuffer(1))
      })
    },
    { echoBytes: ECHO_BYTES, streamBytes: STREAM_BYTES },
  )
}

function echoMs(device: Device): Promise<number> {
  return device.page.evaluate(
    async ({ echoes, echoBytes }) => {
      const channel = await globalThis.benchRaw?.channel
      if (channel === undefined) throw new Error('there is no raw channel')
      const times: number[] = []
      for (let i = 0; i < echoes; i++) {
        const startMs = performance.now()
        const back = new Promise((resolve) => channel.addEventListener('message', resolve, { once: true }))
        channel.send(new ArrayBuffer(echoBytes))
        await back
        times.push(performance.now() - startMs)
      }
      return times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN
    },
    { echoes: ECHOES, echoBytes: ECHO_BYTES },
  )
}

function streamMs(device: Device): Promise<number> {
  return device.page.evaluate(
    async ({ chunkBytes, streamBytes }) => {
      const channel = await globalThis.benchRaw?.channel
      if (channel === undefined) throw new Error('there is no raw channel')
      channel.bufferedAmountLowThreshold = 64 << 10
      const startMs = performance.now()
      const done = new Promise((resolve) => channel.addEventListener('message', resolve, { once: true }))
      const chunk = new ArrayBuffer(chunkBytes)
      for (let sent = 0; sent < streamBytes; sent += chunkBytes) {
        if (channel.bufferedAmount > 256 << 10) {
          await new Promise((resolve) => channel.addEventListener('bufferedamountlow', resolve, { once: true }))
        }
        channel.send(chunk)
      }
      await done
      return performance.now() - startMs
    },
    { chunkBytes: CHUNK_BYTES, streamBytes: STREAM_BYTES },
  )
}
