import { useRef } from 'preact/hooks'
import type { DeviceId, DeviceProfile, PeerView, RoomSession, RoomSnapshot } from 'roomful'
import type { DeviceMark } from './device-mark.tsx'
import { Mark } from './device-mark.tsx'
import { bytes, mbit, ms, percent } from './format.ts'

type Marks = (id: DeviceId) => DeviceMark

/** Devices as cards and the links between them. */
export function RoomPanel({ snapshot, session, mark }: { snapshot: RoomSnapshot; session: RoomSession; mark: Marks }) {
  return (
    <section class="room" aria-labelledby="room-title">
      <h2 id="room-title">Room</h2>
      <ul class="cards">
        <li class="card self">
          <DeviceLine profile={snapshot.self} mark={mark} note={selfNote(snapshot)} />
          <SelfControls snapshot={snapshot} session={session} />
        </li>
        {snapshot.peers.map((peer) => (
          <li class={`card ${peer.link}`} key={peer.profile.id}>
            <DeviceLine profile={peer.profile} mark={mark} note={peerNote(peer)} />
          </li>
        ))}
      </ul>
      <Links snapshot={snapshot} mark={mark} />
    </section>
  )
}

function DeviceLine({ profile, mark, note }: { profile: DeviceProfile; mark: Marks; note: string }) {
  const [best, ...others] = profile.backends
  return (
    <>
      <p class="device-name">
        <Mark mark={mark(profile.id)} /> <strong>{profile.name}</strong>
        {profile.load > 0.05 && <span class="load"> {percent(profile.load)} busy</span>}
      </p>
      <p class="device-facts">
        {profile.role === 'observer'
          ? 'observer, computes nothing'
          : best === undefined
            ? 'not measured yet'
            : `${best.backend}${best.threads > 1 ? ` × ${best.threads}` : ''} · ${best.gmacsPerSecond.toFixed(1)} GMAC/s`}
        {others.length > 0 && (
          <span class="other-backends">
            {' '}
            ({others.map((other) => `${other.backend} ${other.gmacsPerSecond.toFixed(1)}`).join(', ')})
          </span>
        )}
      </p>
      <p class="device-facts">{[note, batteryNote(profile)].filter((text) => text !== '').join(' · ')}</p>
    </>
  )
}

function SelfControls({ snapshot, session }: { snapshot: RoomSnapshot; session: RoomSession }) {
  const name = useRef<HTMLInputElement>(null)
  return (
    <div class="row self-controls">
      <label>
        Name
        <input
          ref={name}
          value={snapshot.self.name}
          maxLength={40}
          onChange={(event) => session.rename(event.currentTarget.value)}
        />
      </label>
      {snapshot.role === 'worker' && (
        <label class="check">
          <input
            type="checkbox"
            checked={snapshot.lending.allowed}
            onChange={(event) => session.allowLending(event.currentTarget.checked)}
          />
          Lend to the room
        </label>
      )}
    </div>
  )
}

function selfNote(snapshot: RoomSnapshot): string {
  const parts = ['this device']
  if (snapshot.lending.pausedBecause !== undefined) parts.push(`lending paused: ${snapshot.lending.pausedBecause}`)
  if (snapshot.model !== undefined) parts.push(`${bytes(snapshot.model.downloadedBytes)} downloaded`)
  return parts.join(' · ')
}

function peerNote(peer: PeerView): string {
  if (peer.link === 'lost') return 'connection lost'
  if (peer.link === 'silent') return 'not answering'
  if (peer.link === 'linking') return 'connecting…'
  if (!peer.profile.visible) return 'away (tab hidden)'
  if (peer.profile.role === 'worker' && !peer.profile.lending) return 'does not lend'
  const parts: string[] = []
  if (peer.rttMs !== undefined) parts.push(`${ms(peer.rttMs)} round trip`)
  if (peer.mbitPerSecond !== undefined) parts.push(mbit(peer.mbitPerSecond))
  return parts.length > 0 ? parts.join(', ') : 'connected'
}

function batteryNote(profile: DeviceProfile): string {
  if (profile.battery === undefined) return ''
  return `battery ${percent(profile.battery.level)}${profile.battery.charging ? ', charging' : ''}`
}

function Links({ snapshot, mark }: { snapshot: RoomSnapshot; mark: Marks }) {
  if (snapshot.links.length === 0) return <p class="hint">No links yet. Invite a second device.</p>
  return (
    <table class="links">
      <caption>Links</caption>
      <thead>
        <tr>
          <th scope="col">Between</th>
          <th scope="col">Round trip</th>
          <th scope="col">Rate</th>
        </tr>
      </thead>
      <tbody>
        {snapshot.links.map((link) => (
          <tr key={`${link.a}-${link.b}`}>
            <th scope="row">
              <Mark mark={mark(link.a)} /> <Mark mark={mark(link.b)} />
            </th>
            <td class="number">{ms(link.rttMs)}</td>
            <td class="number">{mbit(link.mbitPerSecond)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
