import type { DeviceId, ExitName, ModelDigest, TensorName } from '@roomful/core'

/** An answer that was computed once. */
export interface AnswerValue {
  readonly kind: 'answer'
  readonly labelIndex: number
  /** 0..1 */
  readonly confidence: number
  readonly exit: ExitName
}

/** A feature map at a cut, in wire form (quantised), from which the rest can be computed. */
export interface FeatureValue {
  readonly kind: 'feature'
  readonly tensor: TensorName
  readonly bytes: Uint8Array
}

export type CacheValue = AnswerValue | FeatureValue

/** What is known of an entry without reading its value. */
export interface EntryMeta {
  readonly key: string
  readonly kind: CacheValue['kind']
  /** Namespace: entries of one model never answer for another. */
  readonly model: ModelDigest
  /** Who computed it: this device or the peer that it came from. */
  readonly owner: DeviceId
  /** It came from another device; `owner` may be this device under an earlier id. */
  readonly foreign: boolean
  /** Time that a hit saves, in milliseconds. */
  readonly savedMs: number
  /** Hits so far. */
  readonly uses: number
  /** Storage it takes. */
  readonly bytes: number
  /** Milliseconds since 1970, for display and for ties. */
  readonly storedAt: number
}

export interface CacheEntry {
  readonly meta: EntryMeta
  readonly value: CacheValue
}

/** Bytes that an entry's record takes beside its feature map; an estimate that bounds hold with. */
const RECORD_BYTES = 400

export function entryBytes(value: CacheValue): number {
  return RECORD_BYTES + (value.kind === 'feature' ? value.bytes.byteLength : 0)
}
