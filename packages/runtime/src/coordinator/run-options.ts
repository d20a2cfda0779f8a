import type { SimilarHit } from '@roomful/cache'
import type { Backend, Clock, DeviceId, RequestId, Span, Trace } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import type { RecoveryCandidate, RecoverySnapshot } from '../plan/fallback.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { RequestLinks } from '../wire/request-links.ts'
import type { Attempt } from './attempt.ts'
import type { InstalledPlan } from './installer.ts'
import type { RequestInput } from './request-input.ts'
import type { RequestRun } from './request-run.ts'
import type { KeptMap } from './result.ts'
import type { SecondCompletions } from './second-completions.ts'

/** What a run needs of its surroundings. */
export interface RunContext {
  readonly self: DeviceId
  readonly clock: Clock
  readonly links: RequestLinks
  readonly pictures: PictureCodec | undefined
  /** As in `passesOn`. */
  readonly isWatched: boolean
  healthy(installed: InstalledPlan): boolean
  /** It may be dead: the server has just lost sight of it. */
  isDoubted(device: DeviceId): boolean
  snapshot(installed: InstalledPlan, excluded: ReadonlySet<DeviceId>, lost: ReadonlySet<Backend>): RecoverySnapshot
  /** As in `Fallbacks.get`. */
  fallback(installed: InstalledPlan, candidate: RecoveryCandidate, answered: AbortSignal): Promise<InstalledPlan>
  /** How long that would take about, in milliseconds, what is to be built for it included. */
  completionMs(installed: InstalledPlan, candidate: RecoveryCandidate): number
  /** When a late request may be completed a second time. */
  readonly seconds: SecondCompletions
  /** Another device had to answer because this attempt did not until the time ran out. */
  stuck(attempt: Attempt): void
  /** It has computed the answer. `told`: its story as the answer tells it; `anew`: as far as it is known when called. */
  answered(attempt: Attempt, run: RequestRun, told: Trace, anew: () => Trace): void
  opened(attempt: Attempt, run: RequestRun): void
  closed(attempt: Attempt): void
}

export interface RunOptions {
  readonly id: RequestId
  readonly installed: InstalledPlan
  readonly input: RequestInput
  readonly startMs: number
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  /** Resume: a map that is known already. */
  readonly kept?: KeptMap
  /** Looks whether the map at a cut is enough to answer. */
  readonly atCut?: (volume: number, map: FeatureMap) => SimilarHit | undefined
  /** Done before the run, in milliseconds of the request. */
  readonly spans?: readonly Span[]
}
