import { type DeviceProfile, deviceId, VirtualClock } from '@roomful/core'
import type { Room, RoomEvents } from '@roomful/transport'
import { expect, it } from 'vitest'
import type { RoomSnapshot } from '../snapshot.ts'
import { watchRoom } from './room-view.ts'
import { SnapshotStore } from './store.ts'

it('tells a lost link, which is tried again, from a device that has left', () => {
  const id = deviceId('b')
  const peers = new Map([[id, { profile: { id, name: 'Laptop' } as DeviceProfile, link: 'connected' }]])
  let gone: RoomEvents['gone'] = () => {}
  const on = (event: string, listener: RoomEvents['gone']) => {
    if (event === 'gone') gone = listener
    return () => {}
  }
  const store = new SnapshotStore({ messages: [], peers: [], links: [] } as unknown as RoomSnapshot)
  watchRoom({ peers, links: [], on } as unknown as Room, store, () => {})
  gone(id, 'no sign of life')
  peers.delete(id)
  gone(id, 'it left')
  expect(store.snapshot.messages.map(({ text }) => text)).toEqual([
    'The link to Laptop is lost (no sign of life); it is tried again.',
    'Laptop left the room.',
  ])
})

it('shows at once who is there and how linked, and what drifts every two seconds', async () => {
  const clock = new VirtualClock()
  const id = deviceId('b')
  const profile = { id, name: 'Laptop' } as DeviceProfile
  const peers = new Map<typeof id, object>()
  let changed = () => {}
  const on = (event: string, listener: () => void) => {
    if (event === 'peer') changed = listener
    return () => {}
  }
  const store = new SnapshotStore({ messages: [], peers: [], links: [] } as unknown as RoomSnapshot)
  let looks = 0
  const undo = watchRoom({ peers, links: [], on } as unknown as Room, store, () => looks++, clock)
  const isNow = (peer: object) => {
    peers.set(id, peer)
    changed()
    return store.snapshot.peers
  }
  expect(isNow({ profile, link: 'linking' })).toEqual([{ profile, link: 'linking' }])
  expect(isNow({ profile, link: 'connected' })).toEqual([{ profile, link: 'connected' }])
  expect(isNow({ profile, link: 'connected', rttMs: 4 })).toEqual([{ profile, link: 'connected', rttMs: 4 }])
  expect(looks).toBe(4)
  for (let rttMs = 5; rttMs < 25; rttMs++) {
    expect(isNow({ profile: { ...profile }, link: 'connected', rttMs })).not.toContainEqual({
      profile,
      link: 'connected',
      rttMs,
    })
    await clock.advance(100)
  }
  expect(store.snapshot.peers).toEqual([{ profile, link: 'connected', rttMs: 24 }])
  expect(looks).toBe(5)
  isNow({ profile, link: 'connected', rttMs: 30 })
  undo()
  await clock.advance(5000)
  expect(looks).toBe(5)
  expect(clock.pending).toBe(0)
})
