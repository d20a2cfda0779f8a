import { checkPlan, type Plan, PlanError } from '@roomful/core'
import * as v from 'valibot'
import type { NoticeKind, RequestKind } from '../peer.ts'
import {
  CacheKeySchema,
  CountSchema,
  DeviceIdSchema,
  DigestSchema,
  ExchangeIdSchema,
  NameSchema,
  PlanIdSchema,
  QuantitySchema,
  RangeSchema,
  RequestIdSchema,
  ShareSchema,
  TraceSchema,
  WireErrorSchema,
} from './common.ts'

/** The form of a plan is core's business; its reason is kept in the message. */
const PlanSchema = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, Plan>(({ dataset, addIssue, NEVER }) => {
    try {
      return checkPlan(dataset.value)
    } catch (error) {
      addIssue({ message: error instanceof PlanError ? error.message : 'plan: unreadable' })
      return NEVER
    }
  }),
)

/** At most this many bytes of weights per request (peer.ts, `weights`). */
export const MAX_WEIGHTS_BYTES = 4 * 1024 * 1024
/** At most this many bytes in one probe's reply. */
export const MAX_PROBE_BYTES = 4 * 1024 * 1024

/** Index of a volume or of a shard in its plan. */
const IndexSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1024))
const EmptySchema = v.strictObject({})
const CachedAnswerSchema = v.strictObject({
  labelIndex: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e6)),
  confidence: ShareSchema,
  exit: NameSchema,
  savedMs: QuantitySchema,
  owner: DeviceIdSchema,
})
const CachedFeatureSchema = v.strictObject({ tensor: NameSchema, savedMs: QuantitySchema, owner: DeviceIdSchema })
const CacheKeysSchema = v.pipe(v.array(CacheKeySchema), v.maxLength(2048))

/** How many blobs a body may carry. */
interface BlobBounds {
  readonly min: number
  readonly max: number
}
const NONE: BlobBounds = { min: 0, max: 0 }

export interface BodyRule {
  /** The body without its blobs, as it stands in the JSON. */
  readonly schema: v.GenericSchema
  readonly blobs: BlobBounds
}

export const REQUEST_RULES: Readonly<Record<RequestKind, { readonly request: BodyRule; readonly reply: BodyRule }>> = {
  prepare: {
    request: {
      schema: v.strictObject({
        planId: PlanIdSchema,
        plan: PlanSchema,
        initiator: DeviceIdSchema,
        manifestUrl: v.exactOptional(v.pipe(v.string(), v.minLength(1), v.maxLength(2048))),
      }),
      blobs: NONE,
    },
    reply: { schema: v.strictObject({ buildMs: QuantitySchema, fetchedBytes: CountSchema }), blobs: NONE },
  },
  retire: {
    request: { schema: v.strictObject({ planId: PlanIdSchema }), blobs: NONE },
    reply: { schema: EmptySchema, blobs: NONE },
  },
  model: {
    request: { schema: v.strictObject({ digest: DigestSchema }), blobs: NONE },
    reply: { schema: EmptySchema, blobs: { min: 0, max: 2 } },
  },
  weights: {
    request: {
      schema: v.pipe(
        v.strictObject({ digest: DigestSchema, start: CountSchema, end: CountSchema }),
        v.check(({ start, end }) => start < end, 'weights: the range is empty'),
        v.check(({ start, end }) => end - start <= MAX_WEIGHTS_BYTES, 'weights: at most 4 MiB per request'),
      ),
      blobs: NONE,
    },
    reply: { schema: EmptySchema, blobs: { min: 0, max: 1 } },
  },
  cacheGet: {
    request: { schema: v.strictObject({ key: CacheKeySchema }), blobs: NONE },
    reply: {
      schema: v.strictObject({
        hit: v.boolean(),
        entry: v.exactOptional(CachedAnswerSchema),
        feature: v.exactOptional(CachedFeatureSchema),
      }),
      blobs: { min: 0, max: 1 },
    },
  },
  probe: {
    request: {
      schema: v.strictObject({
        replyBytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_PROBE_BYTES)),
      }),
      blobs: { min: 0, max: 1 },
    },
    reply: { schema: EmptySchema, blobs: { min: 0, max: 1 } },
  },
}

export const NOTICE_RULES: Readonly<Record<NoticeKind, BodyRule>> = {
  story: {
    schema: v.strictObject({
      trace: TraceSchema,
      plan: v.exactOptional(PlanSchema),
      model: DigestSchema,
      modelUrl: v.exactOptional(v.pipe(v.string(), v.minLength(1), v.maxLength(2048))),
      answer: v.exactOptional(
        v.strictObject({
          label: v.pipe(v.string(), v.maxLength(200)),
          index: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1e6)),
          confidence: ShareSchema,
        }),
      ),
    }),
    blobs: NONE,
  },
  feature: {
    schema: v.strictObject({
      requestId: RequestIdSchema,
      planId: PlanIdSchema,
      initiator: DeviceIdSchema,
      volume: IndexSchema,
      shards: v.pipe(v.array(IndexSchema), v.maxLength(64)),
      exits: v.pipe(v.array(NameSchema), v.maxLength(64)),
      relay: v.exactOptional(v.boolean()),
      rows: v.exactOptional(RangeSchema),
      remainingMs: QuantitySchema,
      encoding: v.picklist(['feature', 'jpeg', 'webp']),
    }),
    blobs: { min: 1, max: 64 },
  },
  result: {
    schema: v.strictObject({
      requestId: RequestIdSchema,
      planId: PlanIdSchema,
      exit: NameSchema,
      confident: v.boolean(),
      rows: v.exactOptional(RangeSchema),
    }),
    blobs: { min: 1, max: 64 },
  },
  spans: { schema: v.strictObject({ requestId: RequestIdSchema }), blobs: { min: 1, max: 1 } },
  cancel: { schema: v.strictObject({ requestId: RequestIdSchema }), blobs: NONE },
  failed: {
    schema: v.strictObject({ requestId: RequestIdSchema, planId: PlanIdSchema, error: WireErrorSchema }),
    blobs: NONE,
  },
  load: { schema: v.strictObject({ load: ShareSchema, queued: CountSchema }), blobs: NONE },
  presence: {
    schema: v.strictObject({
      away: v.boolean(),
      reason: v.exactOptional(v.pipe(v.string(), v.maxLength(200))),
    }),
    blobs: NONE,
  },
  cacheIndex: {
    schema: v.strictObject({ added: CacheKeysSchema, removed: CacheKeysSchema }),
    blobs: { min: 0, max: 1 },
  },
}

const NonceSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/))

/**
 * The envelopes; the bodies of requests and notices are checked by kind, those of replies by who asked. Tried in this
 * order, so the most frequent come first.
 */
export const EnvelopeSchema = v.variant('type', [
  v.strictObject({
    type: v.literal('notice'),
    kind: v.picklist(Object.keys(NOTICE_RULES) as NoticeKind[]),
    body: v.unknown(),
  }),
  v.strictObject({
    type: v.literal('hello'),
    version: CountSchema,
    device: DeviceIdSchema,
    nonce: NonceSchema,
    proof: v.exactOptional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{43}$/))),
  }),
  v.strictObject({
    type: v.literal('request'),
    id: ExchangeIdSchema,
    kind: v.picklist(Object.keys(REQUEST_RULES) as RequestKind[]),
    body: v.unknown(),
  }),
  v.strictObject({ type: v.literal('reply'), id: ExchangeIdSchema, body: v.unknown() }),
  v.strictObject({ type: v.literal('failure'), id: ExchangeIdSchema, error: WireErrorSchema }),
  v.strictObject({ type: v.literal('abort'), id: ExchangeIdSchema }),
])
