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

/** The whole page: a function of the snapshot and of what the person does with the picture. */
export function App({ snapshot, session, source }: { snapshot: RoomSnapshot; session: RoomSession; source: Source }) {
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
          <TimePanel snapshot={snapshot} mark={mark} />
        </div>
      </main>
    </div>
  )
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
