import type { RoomSession, RoomSnapshot } from 'roomful'
import { bytes } from './format.ts'

/** Asked once, before this device computes for others; the answer is kept and can be changed under Room. */
export function Consent({ snapshot, session }: { snapshot: RoomSnapshot; session: RoomSession }) {
  if (snapshot.lending.asked || snapshot.role === 'observer' || snapshot.phase !== 'joined') return null
  const size = snapshot.model === undefined ? '' : ` It downloads up to ${bytes(snapshot.model.totalBytes)} of weights.`
  return (
    <section class="consent" aria-labelledby="consent-title">
      <h2 id="consent-title">Lend this device to the room?</h2>
      <p>
        Others in the room may then run parts of their pictures here while this tab is visible.{size} Lending pauses on
        low battery. You can ask the room either way.
      </p>
      <div class="row">
        <button type="button" class="primary" onClick={() => session.allowLending(true)}>
          Lend
        </button>
        <button type="button" onClick={() => session.allowLending(false)}>
          Not now
        </button>
      </div>
    </section>
  )
}
