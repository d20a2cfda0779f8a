import { type DeviceProfile, deviceId, VirtualClock } from '@roomful/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { RoomCore } from './room-core.ts'

const profileOf = (id: string): DeviceProfile => ({ id: deviceId(id), name: id }) as DeviceProfile
const a = deviceId('a')

let room: RoomCore
beforeEach(() => {
  const host = { publish: () => {}, leave: () => {}, expel: () => {} }
  room = new RoomCore({ profile: profileOf('self'), clock: new VirtualClock(), host })
})
const link = { send: () => undefined, close: () => {} }

describe('the peers of a room', () => {
  it('are listed once until something changes, and a list that is held does not change', () => {
    room.peerKnown(profileOf('a'))
    const before = room.peers
    expect(room.peers).toBe(before)
    room.linkUp(a, link)
    expect(before.get(a)?.link).toBe('linking')
    expect(room.peers.get(a)?.link).toBe('connected')
  })

  it('are up to date in every event', async () => {
    const seen: (string | undefined)[] = []
    const note = () => seen.push(room.peers.get(a)?.link)
    room.on('peer', note)
    room.on('gone', note)
    room.peerKnown(profileOf('a'))
    room.linkUp(a, link)
    room.linkSilent(a, true)
    room.linkSilent(a, false)
    room.linkDown(a, 'test')
    room.linkRetry(a)
    room.peerGone(a, 'test')
    expect(seen).toEqual(['linking', 'connected', 'silent', 'connected', 'lost', 'lost', 'linking', undefined])
    room.peerKnown(profileOf('a'))
    expect(room.peers.size).toBe(1)
    await room[Symbol.asyncDispose]()
    expect(room.peers.size).toBe(0)
  })

  it('have their newest figures and profiles', () => {
    room.peerKnown(profileOf('a'))
    expect(room.peers.get(a)?.rttMs).toBeUndefined()
    room.linkMeasured(a, { rttMs: 3 })
    expect(room.peers.get(a)?.rttMs).toBe(3)
    room.peerKnown({ ...profileOf('a'), name: 'b' })
    expect(room.peers.get(a)?.profile.name).toBe('b')
  })
})
