import { type DeviceId, deviceId, errorText, modelDigest } from '@roomful/core'
import { createRoomKey } from '@roomful/protocol'
import { joinRoom, type Room } from '../../src/index.ts'
import { bareProfile, linked, ROOM_CONTRACT } from '../../src/testing/room-contract.ts'
import { watchConnections } from './connections.ts'

const connections = watchConnections()
let room: Room | undefined
const story: string[] = []

function joined(): Room {
  if (room === undefined) throw new Error('join first')
  return room
}

/** What the tests call in the page; arguments and results are plain data. */
const transportPage = {
  /** Runs one case of the room contract with both rooms in this page. */
  async contract(index: number, url: string): Promise<string> {
    const roomKey = createRoomKey()
    const rooms: Room[] = []
    const found = ROOM_CONTRACT[index]
    if (found === undefined) throw new Error(`no case ${index}`)
    try {
      await found.run({
        join: async (profile) => {
          const entered = await joinRoom({ url, roomKey, profile })
          rooms.push(entered)
          return entered
        },
        until: (done) => done,
        pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        cut: async () => connections.closeNewest(),
        dispose: async () => {},
      })
      return 'passed'
    } catch (error) {
      return errorText(error)
    } finally {
      for (const entered of rooms) await entered[Symbol.asyncDispose]()
    }
  },

  async join(url: string, roomKey: readonly number[], id: string): Promise<void> {
    const entered = await joinRoom({ url, roomKey: Uint8Array.from(roomKey), profile: bareProfile(id) })
    room = entered
    entered.on('peer', (peer, { link }) => story.push(`${peer} ${link}`))
    entered.on('gone', (peer, reason) => story.push(`${peer} gone: ${reason}`))
    entered.on('signalling', (state) => story.push(`signalling ${state}`))
    entered.on('warning', (text) => story.push(`warning: ${text}`))
    entered.handle('weights', async ({ start, end }) => ({ blobs: [new Uint8Array(end - start).fill(7)] }))
  },

  linked: (peer: string): Promise<void> => linked(joined(), deviceId(peer)),
  story: (): readonly string[] => [...new Set(story.splice(0))],
  peers: () =>
    Object.fromEntries(
      [...joined().peers].map(([id, { link, rttMs, mbitPerSecond }]) => [id, { link, rttMs, mbitPerSecond }]),
    ),
  links: () => joined().links,

  /** Milliseconds for `bytes` of weights from the peer. */
  async fetchWeights(peer: string, bytes: number): Promise<number> {
    const startMs = performance.now()
    const body = { digest: modelDigest('00'), start: 0, end: bytes }
    const { blobs } = await joined().request(deviceId(peer) as DeviceId, 'weights', body, { timeoutMs: 20_000 })
    if (blobs?.[0]?.byteLength !== bytes) throw new Error('wrong length')
    return performance.now() - startMs
  },

  /** Waits until the link to the peer has this state; returns the milliseconds it took. */
  until(peer: string, link: string, timeoutMs: number): Promise<number> {
    const startMs = performance.now()
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => {
        const tookMs = performance.now() - startMs
        const state = joined().peers.get(deviceId(peer))?.link ?? 'absent'
        if (state !== link && tookMs < timeoutMs) return
        clearInterval(timer)
        if (state === link) resolve(tookMs)
        else reject(new Error(`after ${timeoutMs} ms the link is ${state}`))
      }, 20)
    })
  },

  /** Cuts the newest connection of this page. */
  cut: (): void => connections.closeNewest(),

  leave: async (): Promise<void> => {
    await room?.[Symbol.asyncDispose]()
    room = undefined
  },
}

export type TransportPage = typeof transportPage

Object.assign(globalThis, { transportPage })
