import type {
  DeviceId,
  ExitName,
  ModelDigest,
  Plan,
  PlanId,
  Range,
  RequestId,
  TensorName,
  Trace,
  WireError,
} from '@roomful/core'

/** Raised when a message changes meaning; peers with different versions refuse each other at hello, naming both. */
export const PROTOCOL_VERSION = 4

/** Tensors, weights and pictures travel as blobs beside the JSON body; both ends count and bound them. */
export interface WithBlobs {
  readonly blobs?: readonly Uint8Array[]
}

/** Questions a device may put to another: kind -> body of the request and of the reply. */
export interface RequestKinds {
  /** Build, warm and keep the receiver's stages of a plan. Idempotent per plan id. */
  prepare: {
    request: { planId: PlanId; plan: Plan; initiator: DeviceId; manifestUrl?: string }
    reply: { buildMs: number; fetchedBytes: number }
  }
  /** Forget a plan; requests in flight on it finish first. */
  retire: { request: { planId: PlanId }; reply: Record<string, never> }
  /** The manifest (JSON text) and graph.onnx of a model that the receiver holds. Reply blobs: [manifest, graph]. */
  model: { request: { digest: ModelDigest }; reply: WithBlobs }
  /** Bytes [start, end) of the model's weights.bin, at most 4 MiB. Reply blob: the bytes. */
  weights: { request: { digest: ModelDigest; start: number; end: number }; reply: WithBlobs }
  /** A cache entry by exact key: an answer, or a feature map in wire form (blob 0). */
  cacheGet: {
    request: { key: string }
    reply: { hit: boolean; entry?: CachedAnswer; feature?: CachedFeature } & WithBlobs
  }
  /** Echo for round trip and bandwidth: the reply carries `replyBytes` zero bytes as one blob. */
  probe: { request: { replyBytes: number } & WithBlobs; reply: WithBlobs }
}

export interface CachedAnswer {
  readonly labelIndex: number
  readonly confidence: number
  readonly exit: ExitName
  readonly savedMs: number
  readonly owner: DeviceId
}

export interface CachedFeature {
  readonly tensor: TensorName
  readonly savedMs: number
  readonly owner: DeviceId
}

/** What a device tells another without expecting a reply. */
export interface NoticeKinds {
  /**
   * Rows of a feature map on their way to the devices of volume `volume` (its input; volume 0 gets the picture or the
   * input tensor). One message serves every target on the receiver that needs the same rows. `rows` are rows of the
   * whole tensor; blob 0 is the encoded map.
   */
  feature: {
    requestId: RequestId
    planId: PlanId
    initiator: DeviceId
    volume: number
    /** Indices of the receiver's shards of `volume` that the map is for; empty when only exits or the relay want it. */
    shards: readonly number[]
    /** Exits hanging on this tensor that the receiver evaluates. */
    exits: readonly ExitName[]
    /** Set on the way to the initiator when `route` is `leader`: it passes the rows on to the shards of `volume`. */
    relay?: boolean
    /** Rows of the sending volume's output that the blob holds; absent when whole or without rows. */
    rows?: Range
    /** Milliseconds left until the request's deadline when it was sent. */
    remainingMs: number
    encoding: 'feature' | 'jpeg' | 'webp'
  } & WithBlobs
  /**
   * An exit's or the trunk's outcome, to the initiator. Blobs: the logits as an encoded map (the trunk's: the model's
   * outputs in order), then the spans of the stage that it ends (span-codec.ts; none when another message reports them).
   * `rows` when the last volume is sharded: the rows of its output that blob 0 holds.
   */
  result: {
    requestId: RequestId
    planId: PlanId
    exit: ExitName
    confident: boolean
    rows?: Range
  } & WithBlobs
  /**
   * What a device did for a request; sent to the initiator when its part is done. Blob 0: the spans (span-codec.ts), timed on
   * the sender's clock from the arrival of its first input.
   */
  spans: { requestId: RequestId } & WithBlobs
  /** Stop working on a request; drop what is queued and buffered for it. */
  cancel: { requestId: RequestId }
  /** The sender cannot do its part. */
  failed: { requestId: RequestId; planId: PlanId; error: WireError }
  /** Share of the sender's time taken by others (0..1) and requests queued. */
  load: { load: number; queued: number }
  /** The tab is hidden or lending is paused (`away`), or back. */
  presence: { away: boolean; reason?: string }
  /** An answered request, for observers: a dashboard shows what the room does without computing anything itself. */
  story: {
    trace: Trace
    plan?: Plan
    model: ModelDigest
    /** Where the model's package lies; observers read its structure, never its weights. */
    modelUrl?: string
    answer?: { label: string; index: number; confidence: number }
  }
  /** Keys that the sender's cache gained or lost; blob 0 (optional): descriptors. */
  cacheIndex: { added: readonly string[]; removed: readonly string[] } & WithBlobs
}

export type RequestKind = keyof RequestKinds
export type RequestOf<K extends RequestKind> = RequestKinds[K]['request']
export type ReplyOf<K extends RequestKind> = RequestKinds[K]['reply']
export type NoticeKind = keyof NoticeKinds
export type NoticeOf<K extends NoticeKind> = NoticeKinds[K]

/** Everything that crosses a peer link, before framing. All but `hello` and `notice` carry the id of their exchange. */
export type PeerMessage =
  | {
      readonly type: 'hello'
      readonly version: number
      readonly device: DeviceId
      readonly nonce: string
      readonly proof?: string
    }
  | {
      [K in RequestKind]: {
        readonly type: 'request'
        readonly id: number
        readonly kind: K
        readonly body: RequestOf<K>
      }
    }[RequestKind]
  | { readonly type: 'reply'; readonly id: number; readonly body: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: WireError }
  | { readonly type: 'abort'; readonly id: number }
  | { [K in NoticeKind]: { readonly type: 'notice'; readonly kind: K; readonly body: NoticeOf<K> } }[NoticeKind]
