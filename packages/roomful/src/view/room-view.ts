import type { Room } from '@roomful/transport'
import type { PeerView } from '../snapshot.ts'
import type { SnapshotStore } from './store.ts'

/** Mirrors the room's peers, links and trouble into the snapshot. Returns an undo. */
export function watchRoom(room: Room, store: SnapshotStore, onChange: () => void): () => void {
  const refresh = () => {
    const peers: PeerView[] = [...room.peers.values()].map(({ profile, link, rttMs, mbitPerSecond }) => ({
      profile,
      link,
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(mbitPerSecond === undefined ? {} : { mbitPerSecond }),
    }))
    store.update({ peers, links: room.links })
    onChange()
  }
  const undo = [
    room.on('peer', refresh),
    room.on('gone', (id, reason) => {
      const name = store.snapshot.peers.find((peer) => peer.profile.id === id)?.profile.name
      if (name !== undefined) store.say('info', goneText(name, reason, room.peers.has(id)))
      refresh()
    }),
    room.on('signalling', (state) => store.update({ signalling: state })),
    room.on('warning', (text) => store.say('warning', text)),
  ]
  refresh()
  return () => {
    for (const one of undo) one()
  }
}

/** Still registered, it may come back: the link is tried again. */
function goneText(name: string, reason: string, registered: boolean): string {
  if (registered) return `The link to ${name} is lost (${reason}); it is tried again.`
  return reason === 'it left' ? `${name} left the room.` : `${name} is gone (${reason}).`
}
