import { signal } from '@preact/signals'
import { render } from 'preact'
import { errorText, joinRoom, type RoomSession, type RoomSnapshot } from 'roomful'
import { Source } from './input/source.ts'
import './styles.css'
import { App } from './view/app.tsx'

/**
 * The page: joins the room of its own link and shows the session's snapshots. Address options: `#k=KEY` the invite (made
 * when absent), `?observer` only watches, `?model=URL` another model package, `?name=TEXT` the device's name.
 */
async function start(root: HTMLElement): Promise<void> {
  const options = new URLSearchParams(location.search)
  const session = await joinRoom({
    url: location.origin,
    invite: location.href,
    role: options.has('observer') ? 'observer' : 'worker',
    ...(options.has('name') ? { name: options.get('name') ?? '' } : {}),
  })
  // The address becomes the invite, so that a reload comes back to the same room.
  if (!location.hash.includes('k=')) history.replaceState(null, '', new URL(session.snapshot.inviteUrl).hash)
  const snapshot = signal<RoomSnapshot>(session.snapshot)
  session.onChange((next) => {
    snapshot.value = next
  })
  const source = new Source(session)
  render(<Live snapshot={snapshot} session={session} source={source} />, root)
  addEventListener('pagehide', () => void session.leave())
  exposeForTests(session, source)
  await session.loadModel(options.get('model') ?? new URL('models/imagenette/', document.baseURI).href).catch(() => {
    // The snapshot's messages say why; a model can still be dropped on the page.
  })
}

function Live(props: { snapshot: { value: RoomSnapshot }; session: RoomSession; source: Source }) {
  return <App snapshot={props.snapshot.value} session={props.session} source={props.source} />
}

/** The rig drives the page as a person would, and reads the session's own figures here. */
function exposeForTests(session: RoomSession, source: Source): void {
  Object.assign(globalThis, { roomful: { session, source } })
}

const root = document.getElementById('app')
if (root !== null) {
  start(root).catch((error: unknown) => {
    root.innerHTML = ''
    const sentence = document.createElement('p')
    sentence.className = 'fatal'
    sentence.setAttribute('role', 'alert')
    sentence.textContent = `Roomful could not start: ${errorText(error)}`
    root.append(sentence)
  })
}
