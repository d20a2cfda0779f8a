import { deviceId, VirtualClock } from '@roomful/core'
import { createRoomKey, deriveRoomKeys, type PeerMessage, type RoomKeys } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { Handshake } from './handshake.ts'
import { TransportError } from './room.ts'

const A = deviceId('a')
const B = deviceId('b')

/** Two handshakes wired to each other; messages travel as microtasks. */
function wired(keysA: RoomKeys, keysB: RoomKeys, versions: { a?: number; b?: number } = {}) {
  const said: PeerMessage[] = []
  const link = (to: () => Handshake) => ({
    send(message: PeerMessage) {
      said.push(message)
      queueMicrotask(() => to().receive(message))
      return undefined
    },
    close() {},
  })
  const a: Handshake = new Handshake({
    self: A,
    peer: B,
    keys: keysA,
    link: link(() => b),
    ...(versions.a === undefined ? {} : { version: versions.a }),
  })
  const b: Handshake = new Handshake({
    self: B,
    peer: A,
    keys: keysB,
    link: link(() => a),
    ...(versions.b === undefined ? {} : { version: versions.b }),
  })
  return { a, b, said }
}

const outcome = (work: Promise<void>): Promise<string> =>
  work.then(
    () => 'met',
    (error: unknown) => (error instanceof TransportError ? `${error.reason}: ${error.message}` : String(error)),
  )

/** WebCrypto works outside virtual time. */
async function both(a: Handshake, b: Handshake): Promise<[string, string]> {
  const clock = new VirtualClock()
  const ends: [Promise<string>, Promise<string>] = [outcome(a.run(clock)), outcome(b.run(clock))]
  return Promise.all(ends)
}

describe('handshake', () => {
  it('lets two holders of the room key meet', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const { a, b, said } = wired(keys, keys)
    expect(await both(a, b)).toEqual(['met', 'met'])
    expect(said).toHaveLength(4)
  })

  it('refuses a peer without the room key', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const other = { ...(await deriveRoomKeys(createRoomKey())), roomId: keys.roomId }
    const { a, b } = wired(keys, other)
    for (const end of await both(a, b)) expect(end).toMatch(/^rejected: .*room key/)
  })

  it('names both versions and which side is older', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const { a, b } = wired(keys, keys, { a: 1, b: 2 })
    const [atA, atB] = await both(a, b)
    expect(atA).toMatch(/^version: b speaks protocol 2, this side 1: this side is older/)
    expect(atB).toMatch(/^version: a speaks protocol 1, this side 2: a is older/)
  })

  it('accepts nothing else before the proof', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const { a } = wired(keys, keys)
    const clock = new VirtualClock()
    const met = outcome(a.run(clock))
    a.receive({ type: 'abort', id: 1 })
    expect(await met).toMatch(/^malformed/)
  })

  it('gives up on a peer that says nothing', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const silent = new Handshake({ self: A, peer: B, keys, link: { send: () => undefined, close() {} } })
    const clock = new VirtualClock()
    expect(await clock.runUntil(outcome(silent.run(clock)))).toMatch(/^timeout/)
  })

  it('refuses a device that is not the one it was introduced as', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const { a } = wired(keys, keys)
    const met = outcome(a.run(new VirtualClock()))
    a.receive({ type: 'hello', version: 1, device: deviceId('mallory'), nonce: 'n'.repeat(22) })
    expect(await met).toMatch(/^(rejected: expected b, met mallory|version)/)
  })
})
