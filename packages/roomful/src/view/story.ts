import { type ModelDigest, modelDigest, planId } from '@roomful/core'
import type { NoticeOf } from '@roomful/protocol'
import type { Runtime } from '@roomful/runtime'
import type { Room } from '@roomful/transport'
import type { OpenedModel } from '../model/open-model.ts'
import type { RequestView } from '../snapshot.ts'
import { statsWith, withRequest } from './stats.ts'
import type { SnapshotStore } from './store.ts'

const TIMEOUT_MS = 5_000

/** Tells the room's observers of an answered request. Nobody waits for it and nothing depends on it. */
export function tellAnswer(
  room: Room,
  runtime: Pick<Runtime, 'current'>,
  model: OpenedModel | undefined,
  request: RequestView,
): void {
  if (model === undefined) return
  const plan = runtime.current.find((installed) => installed.planId === request.plan)?.plan
  for (const [id, { profile, link }] of room.peers) {
    if (profile.role !== 'observer' || link !== 'connected') continue
    const { answer, trace } = request
    const body: NoticeOf<'story'> = {
      trace,
      model: model.outline.digest,
      ...(plan === undefined ? {} : { plan }),
      ...(model.url === undefined ? {} : { modelUrl: model.url }),
      ...(answer === undefined
        ? {}
        : { answer: { label: answer.label, index: answer.index, confidence: answer.confidence } }),
    }
    room.notify(id, 'story', body, { timeoutMs: TIMEOUT_MS, priority: 'control' }).catch(() => {})
  }
}

/**
 * On an observer: shows what the room's devices tell. `showModel` is called when a story names another model than the one
 * in view. Returns an undo.
 */
export function watchStories(
  room: Room,
  store: SnapshotStore,
  showModel: (digest: ModelDigest, url: string | undefined) => void,
): () => void {
  return room.onNotice('story', ({ trace, plan, model, modelUrl, answer }) => {
    const request: RequestView = {
      trace,
      endedAt: Date.now(),
      ...(answer === undefined
        ? {}
        : { answer: { ...answer, top: [{ label: answer.label, probability: answer.confidence }] } }),
    }
    const requests = withRequest(store.snapshot.requests, request)
    store.update({ requests, stats: statsWith(store.snapshot.stats, request, requests) })
    if (store.snapshot.model?.digest !== model) showModel(modelDigest(model), modelUrl)
    if (plan === undefined) return
    store.update({
      plan: { id: planId('observed'), plan, status: 'active', byHand: false, words: [], runnersUp: [] },
    })
  })
}
