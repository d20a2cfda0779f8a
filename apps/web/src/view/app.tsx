import { useMemo, useState } from 'preact/hooks'
import type { RoomSession, RoomSnapshot } from 'roomful'
import type { Source } from '../input/source.ts'
import { Consent } from './consent.tsx'
import { deviceMarks } from './device-mark.tsx'
import { JoinProgress } from './join-progress.tsx'
import { Messages } from './messages.tsx'
import { PanelTabs, panelProps } from './panel-tabs.tsx'
import { PANELS, type PanelName } from './panels.ts'
import { PicturePanel } from './picture-panel.tsx'
import { RoomPanel } from './room-panel.tsx'
import { SplitPanel } from './split-panel.tsx'
import { TimePanel } from './time-panel.tsx'
import { TopBar } from './top-bar.tsx'
import { useNarrow } from './use-narrow.ts'
import { WhyPanel } from './why-panel.tsx'

export interface AppProps {
  readonly snapshot: RoomSnapshot
  /** What the charts show, drawn more seldom: mostly a somewhat older snapshot. A signal, read by nothing else. */
  readonly charted: { readonly value: RoomSnapshot }
  readonly session: RoomSession
  readonly source: Source
}

/** The whole page: a function of the snapshots and of what the person does with the picture. */
export function App({ snapshot, charted, session, source }: AppProps) {
  const [panel, setPanel] = useState<PanelName>(PANELS[0])
  const narrow = useNarrow()
  // Most snapshots tell of a request only. What they leave as it was is not drawn again: a phone needs its processor to compute.
  const { self, peers, links, lending, model, plan, practice, role } = snapshot
  const mark = useMemo(() => deviceMarks(snapshot), [self, peers])
  const fired = snapshot.requests.at(-1)?.trace.exit
  const splitPanel = useMemo(
    () => <SplitPanel snapshot={snapshot} session={session} mark={mark} />,
    [model, plan, role, fired, mark, session],
  )
  const whyPanel = useMemo(() => <WhyPanel snapshot={snapshot} session={session} />, [plan, practice, session])
  const roomPanel = useMemo(
    () => <RoomPanel snapshot={snapshot} session={session} mark={mark} />,
    [links, lending, model, role, mark, session],
  )
  const timePanel = useMemo(() => <Charts of={charted} />, [charted])
  if (snapshot.phase === 'left') return <Left />
  return (
    <div class="page">
      <TopBar snapshot={snapshot} session={session} />
      <Messages snapshot={snapshot} />
      <Consent snapshot={snapshot} session={session} />
      <JoinProgress snapshot={snapshot} />
      <main class="grid" data-tab={panel}>
        <PicturePanel snapshot={snapshot} source={source} />
        {narrow && <PanelTabs chosen={panel} onChoose={setPanel} />}
        <div class="area-split" {...panelProps('Split', narrow)}>
          {splitPanel}
          {whyPanel}
        </div>
        <div class="area-room" {...panelProps('Room', narrow)}>
          {roomPanel}
        </div>
        <div class="area-time" {...panelProps('Time', narrow)}>
          {/* Charts that nobody sees are not drawn. */}
          {(!narrow || panel === 'Time') && timePanel}
        </div>
      </main>
    </div>
  )
}

function Charts({ of }: { of: AppProps['charted'] }) {
  const snapshot = of.value
  const { self, peers } = snapshot
  const mark = useMemo(() => deviceMarks(snapshot), [self, peers])
  return <TimePanel snapshot={snapshot} mark={mark} />
}

function Left() {
  return (
    <div class="left-room">
      <h1>You left the room</h1>
      <p>Nothing of this device is in use any more.</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        Join again
      </button>
    </div>
  )
}
