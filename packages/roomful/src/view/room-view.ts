import { type Clock, systemClock } from '@roomful/core'
import type { Room } from '@roomful/transport'
import type { PeerView } from '../snapshot.ts'
import type { SnapshotStore } from './store.ts'

/** Figures that drift are shown, and looked at for another plan, this seldom: drawing a change takes a weak device as long as a picture. */
const DRIFT_MS = 2_000

/** Mirrors the room's peers, links and trouble into the snapshot: who is there at once, figures that drift in time. Returns an undo. */
export function watchRoom(
  room: Room,
  store: SnapshotStore,
  onChange: () => void,
  clock: Pick<Clock, 'after'> = systemClock,
): () => void {
  let cancel: (() => void) | undefined
  let shown = ''
  const refresh = () => {
    cancel?.()
    cancel = undefined
    const peers = peersOf(room)
    shown = lasting(peers)
    store.update({ peers, links: room.links })
    onChange()
  }
  const changed = () => {
    if (lasting(peersOf(room)) !== shown) refresh()
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

/** All but the figures that drift: who is there, how linked, and which figures are known. */
function lasting(peers: readonly PeerView[]): string {
  return JSON.stringify(
    peers.map(({ profile, link, rttMs, mbitPerSecond }) => [
      profile,
      link,
      rttMs === undefined,
      mbitPerSecond === undefined,
    ]),
  )
}

/** Still registered, it may come back: the link is tried again. */
function goneText(name: string, reason: string, registered: boolean): string {
  if (registered) return `The link to ${name} is lost (${reason}); it is tried again.`
  return reason === 'it left' ? `${name} left the room.` : `${name} is gone (${reason}).`
}
