import { useState } from 'preact/hooks'
import type { RoomSession, RoomSnapshot } from 'roomful'
import { InviteDialog } from './invite-dialog.tsx'

const SIGNALLING = {
  connected: '',
  reconnecting: 'Signalling server unreachable: running links go on, nobody new can join.',
  closed: 'Signalling closed.',
}

export function TopBar({ snapshot, session }: { snapshot: RoomSnapshot; session: RoomSession }) {
  const [inviting, setInviting] = useState(false)
  const linked = snapshot.peers.filter((peer) => peer.link === 'connected').length
  return (
    <header class="top">
      <h1>Roomful</h1>
      <p class="top-status" aria-live="polite">
        {snapshot.phase === 'joining' ? 'joining…' : `${linked + 1} ${linked === 0 ? 'device' : 'devices'} in the room`}
        {snapshot.role === 'observer' && ' · observing'}
        {snapshot.serving > 0 && ` · computing for ${snapshot.serving}`}
      </p>
      {SIGNALLING[snapshot.signalling] !== '' && <p class="top-warning">{SIGNALLING[snapshot.signalling]}</p>}
      <button type="button" class="primary" onClick={() => setInviting(true)}>
        Invite
      </button>
      <button type="button" onClick={() => void session.leave()}>
        Leave
      </button>
      {inviting && <InviteDialog url={snapshot.inviteUrl} onClose={() => setInviting(false)} />}
    </header>
  )
}
