import type { NoticeKind, RequestKind } from '@roomful/protocol'
import type { Priority } from './room.ts'

/** Served in this order between slices. */
export const PRIORITIES: readonly Priority[] = ['control', 'feature', 'bulk']

/** How a question and its reply travel when the sender says nothing: what an answer waits for goes before provisions. */
const REQUEST_PRIORITY: Readonly<Record<RequestKind, Priority>> = {
  prepare: 'control',
  retire: 'control',
  cacheGet: 'feature',
  model: 'bulk',
  weights: 'bulk',
  // Measures an idle link and lets everything overtake it.
  probe: 'bulk',
}

const NOTICE_PRIORITY: Readonly<Record<NoticeKind, Priority>> = {
  cancel: 'control',
  failed: 'control',
  presence: 'control',
  load: 'control',
  feature: 'feature',
  result: 'feature',
  spans: 'feature',
  cacheIndex: 'bulk',
  story: 'bulk',
}

export const requestPriority = (kind: RequestKind): Priority => REQUEST_PRIORITY[kind] ?? 'feature'
export const noticePriority = (kind: NoticeKind): Priority => NOTICE_PRIORITY[kind] ?? 'feature'
