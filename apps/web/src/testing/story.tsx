import { render } from 'preact'
import type { RoomSession } from 'roomful'
import { Source } from '../input/source.ts'
import { drawTestPattern } from '../input/test-pattern.ts'
import '../styles.css'
import { App } from '../view/app.tsx'
import { storySnapshot } from './story-snapshot.ts'

/**
 * The page's views over a made-up snapshot, for looking at the layout without a room. Served by `vite` at /story.html,
 * never built. Nothing on it was measured.
 */
const nothing = async () => {}
const session: RoomSession = {
  self: storySnapshot.self.id,
  snapshot: storySnapshot,
  held: { plans: 0, sessions: 0, requests: 0, bufferedBytes: 0 },
  onChange: () => () => {},
  loadModel: nothing,
  infer: () => Promise.reject(new Error('a story runs nothing')),
  async *inferStream() {},
  planByHand: nothing,
  installPlan: nothing,
  planAutomatically: nothing,
  measure: nothing,
  rename: () => {},
  allowLending: () => {},
  leave: nothing,
  [Symbol.asyncDispose]: nothing,
}

const root = document.getElementById('app')
if (root !== null) {
  const source = new Source(session)
  source.mode.value = 'pattern'
  render(<App snapshot={storySnapshot} charted={{ value: storySnapshot }} session={session} source={source} />, root)
  const context = source.canvas?.getContext('2d')
  if (context) drawTestPattern(context, 4200)
}
