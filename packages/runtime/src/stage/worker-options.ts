import type { Backend, Clock, DeviceId, RequestId } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import type { ModelLibrary } from '../model/staged-model.ts'
import type { FeatureCodec } from '../wire/feature-codec.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { RequestLinks } from '../wire/request-links.ts'
import type { EngineProvider, IdleLimit } from './session-pool.ts'
import type { WorkerLimits } from './worker-limits.ts'

export interface StageWorkerOptions {
  readonly self: DeviceId
  readonly clock: Clock
  readonly links: RequestLinks
  readonly library: ModelLibrary
  readonly engines: EngineProvider
  readonly codec: FeatureCodec
  /** Needed only where pictures come as JPEG or WebP. */
  readonly pictures?: PictureCodec
  readonly limits?: Partial<WorkerLimits>
  /** Predicted time of `macs` multiply-accumulates on a backend of this device. */
  readonly predictMs?: (macs: number, backend: Backend) => number | undefined
  /** Sessions that stay warm after their last plan was retired. Default: 24, and 48 MiB of sub-models. */
  readonly idleSessions?: Partial<IdleLimit>
  /** On the initiator: a cut's whole tensor passed here. Whether it is kept beyond the call: recovery may start from it. */
  readonly onWhole?: (request: RequestId, volume: number, map: FeatureMap) => boolean
  /** `onWhole` is wanted at every cut, also of plans that give nothing to other devices. */
  readonly isWatched?: boolean
  readonly onLoad?: (load: number, queued: number) => void
}
