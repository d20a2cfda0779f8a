import { batch, signal } from '@preact/signals'
import { render } from 'preact'
import { errorText, joinRoom, type RoomSession, type RoomSnapshot } from 'roomful'
import { Source } from './input/source.ts'
import './styles.css'
import { App, type AppProps } from './view/app.tsx'
import { browserPacing, PAGE_SHARE, paced } from './view/paced.ts'

const SLOW_JOIN_MS = 8_000
/** The page says that it is still trying: who waits for a server that is being started need not reload it. */
const JOIN_TIMEOUT_MS = 600_000

/**
 * The page: joins the room of its own link and shows the session's snapshots. Address options: `#k=KEY` the invite (made
 * when absent), `?observer` only watches, `?model=URL` another model package, `?name=TEXT` the device's name.
 */
async function start(root: HTMLElement): Promise<void> {
  const options = new URLSearchParams(location.search)
  sentence(root, 'status', 'Joining the room…')
  const slow = setTimeout(() => sentence(root, 'status', 'The server does not answer yet; still trying…'), SLOW_JOIN_MS)
  const session = await joinRoom({
    url: location.origin,
    invite: location.href,
    joinTimeoutMs: JOIN_TIMEOUT_MS,
    role: options.has('observer') ? 'observer' : 'worker',
    ...(options.has('name') ? { name: options.get('name') ?? '' } : {}),
  }).finally(() => clearTimeout(slow))
  // The address becomes the invite, so that a reload comes back to the same room.
  if (!location.hash.includes('k=')) history.replaceState(null, '', new URL(session.snapshot.inviteUrl).hash)
  const shown = signal(session.snapshot)
  const charted = signal(session.snapshot)
  const show = (next: RoomSnapshot, whole: boolean) =>
    batch(() => {
      shown.value = next
      const { requests, stats } = charted.value
      // Charts cost the most to draw: nothing but requests changes them.
      if (whole && (next.requests !== requests || next.stats !== stats)) charted.value = next
    })
  session.onChange(paced(show, browserPacing, PAGE_SHARE))
  const source = new Source(session)
  root.replaceChildren()
  render(<Live snapshot={shown} charted={charted} session={session} source={source} />, root)
  addEventListener('pagehide', () => void session.leave())
  // A page that comes back from the browser's cache has left; another invite opened in this tab changes only the hash.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload()
  })
  addEventListener('hashchange', () => {
    if (location.hash.includes('k=') && location.hash !== new URL(session.snapshot.inviteUrl).hash) location.reload()
  })
  exposeForTests(session, source)
  await session.loadModel(options.get('model') ?? new URL('models/imagenette/', document.baseURI).href).catch(() => {
    // The snapshot's messages say why; a model can still be dropped on the page.
  })
}

function Live({ snapshot, ...rest }: Omit<AppProps, 'snapshot'> & { snapshot: AppProps['charted'] }) {
  return <App snapshot={snapshot.value} {...rest} />
}

/** The rig drives the page as a person would, and reads the session's own figures here. */
function exposeForTests(session: RoomSession, source: Source): void {
  Object.assign(globalThis, { roomful: { session, source } })
}

const root = document.getElementById('app')
if (root !== null) {
  start(root).catch((error: unknown) => {
    sentence(root, 'alert', `Roomful could not start: ${errorText(error)}`)
  })
}

/** All that the page says while there is no room to show. */
function sentence(root: HTMLElement, role: 'status' | 'alert', text: string): void {
  const line = document.createElement('p')
  line.className = 'fatal'
  line.setAttribute('role', role)
  line.textContent = text
  root.replaceChildren(line)
}
