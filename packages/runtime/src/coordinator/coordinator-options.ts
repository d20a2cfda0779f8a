import type { SimilarCache } from '@roomful/cache'
import { type Backend, type Clock, MAX_DELAY_MS, type ModelDigest, type Trace } from '@roomful/core'
import type { Room } from '@roomful/transport'
import type { AnswerCache } from '../cache/answer-cache.ts'
import type { ModelLibrary } from '../model/staged-model.ts'
import type { EngineProvider } from '../stage/session-pool.ts'
import type { StageWorker } from '../stage/stage-worker.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { RequestLinks } from '../wire/request-links.ts'
import type { InstalledPlan } from './installer.ts'
import type { Measurement } from './measurements.ts'
import type { TopologyChange } from './topology-change.ts'

const DEFAULT_DEADLINE_MS = 10_000

export interface InferOptions {
  readonly signal?: AbortSignal | undefined
  /** The answer or a typed error comes within this time. Default 10,000 ms. */
  readonly deadlineMs?: number
  /** Another plan than the current one, from `prepare`. */
  readonly plan?: InstalledPlan
  /** Look into the cache and fill it. Default true where there is a cache, but false with a `plan` of one's own. */
  readonly cache?: boolean
}

/** No more than a timer takes: helpers are told a number. */
export const deadlineOf = ({ deadlineMs = DEFAULT_DEADLINE_MS }: InferOptions) => Math.min(deadlineMs, MAX_DELAY_MS)

export interface CoordinatorOptions {
  readonly room: Room
  readonly clock: Clock
  readonly links: RequestLinks
  readonly worker: StageWorker
  readonly library: ModelLibrary
  readonly engines: EngineProvider
  readonly pictures?: PictureCodec
  readonly answers?: AnswerCache
  readonly similar?: SimilarCache
  readonly manifestUrl?: (digest: ModelDigest) => string | undefined
  readonly prepareTimeoutMs?: number
  /** How long this device takes, in milliseconds; undefined: not known. */
  readonly predictMs?: (macs: number, backend: Backend) => number | undefined
  /** After a plan's first answer, get ready to complete its requests alone. Default true. */
  readonly prefetch?: boolean
  readonly onTopologyChange?: (change: TopologyChange) => void
  /**
   * The trace of a computed answer once more, where not all of its stages had reported when it came: when they have, or when a
   * second has passed.
   */
  readonly onTraced?: (trace: Trace) => void
  readonly onMeasurement?: (measurement: Measurement) => void
  readonly onSwitched?: (plans: readonly InstalledPlan[]) => void
}
