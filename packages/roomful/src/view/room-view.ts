import { type Clock, systemClock } from '@roomful/core'
import type { Room } from '@roomful/transport'
import type { PeerView } from '../snapshot.ts'
import type { SnapshotStore } from './store.ts'

/** Figures that drift are shown, and looked at for another plan, this seldom: a weak device draws a change as long as it computes a picture. */
const DRIFT_MS = 2_000

/** Mirrors the room's peers, links and trouble into the snapshot: who is there at once, figures that drift in time. Returns an undo. */
export function watchRoom(
  room: Room,
  store: SnapshotStore,
  onChange: () => void,
  clock: Pick<Clock, 'after'> = systemClock,
): () => void {
  let cancel: (() => void) | undefined
  const refresh = () => {
    cancel?.()
    cancel = undefined
    store.update({ peers: peersOf(room), links: room.links })
    onChange()
  }
  const changed = () => {
    if (!sameRoom(store.snapshot.peers, peersOf(room))) refresh()
    else cancel ??= clock.after(DRIFT_MS, refresh)
  }
  const undo = [
    room.on('peer', changed),
    room.on('gone', (id, reason) => {
      const name = store.snapshot.peers.find((peer) => peer.profile.id === id)?.profile.name
      if (name !== undefined) store.say('info', goneText(name, reason, room.peers.has(id)))
      refresh()
    }),
    room.on('signalling', (state) => store.update({ signalling: state })),
    room.on('warning', (text) => store.say('warning', text)),
    () => cancel?.(),
  ]
  refresh()
  return () => {
    for (const one of undo) one()
  }
}

function peersOf(room: Room): PeerView[] {
  return [...room.peers.values()].map(({ profile, link, rttMs, mbitPerSecond }) => ({
    profile,
    link,
    ...(rttMs === undefined ? {} : { rttMs }),
    ...(mbitPerSecond === undefined ? {} : { mbitPerSecond }),
  }))
}

/** The same devices, linked alike, with the same profiles and all figures known or unknown as before; only figures of links differ, if anything. */
function sameRoom(before: readonly PeerView[], now: readonly PeerView[]): boolean {
  return (
    before.length === now.length &&
    before.every((one, i) => {
      const other = now[i]
      if (other === undefined || one.link !== other.link) return false
      if ((one.rttMs === undefined) !== (other.rttMs === undefined)) return false
      if ((one.mbitPerSecond === undefined) !== (other.mbitPerSecond === undefined)) return false
      return one.profile === other.profile || JSON.stringify(one.profile) === JSON.stringify(other.profile)
    })
  )
}

/** Still registered, it may come back: the link is tried again. */
function goneText(name: string, reason: string, registered: boolean): string {
  if (registered) return `The link to ${name} is lost (${reason}); it is tried again.`
  return reason === 'it left' ? `${name} left the room.` : `${name} is gone (${reason}).`
}
