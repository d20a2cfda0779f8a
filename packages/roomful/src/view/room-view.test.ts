import { type DeviceProfile, deviceId } from '@roomful/core'
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
