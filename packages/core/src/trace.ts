import type { DeviceId, ExitName, RequestId } from './ids.ts'

/** What a device did with a stretch of time for one request. Spans travel as indices into this list (protocol): append only. */
export const SPAN_KINDS = [
  'preprocess',
  'cache',
  'queue',
  'compute',
  'exit',
  'encode',
  'transfer',
  'decode',
  'wait',
  'recover',
] as const
export type SpanKind = (typeof SPAN_KINDS)[number]

/**
 * One stretch of work of one device. Times are milliseconds since the request began on the initiator; a helper reports
 * durations on its own clock and the initiator places them (clocks are never compared across devices).
 */
export interface Span {
  readonly device: DeviceId
  readonly kind: SpanKind
  readonly startMs: number
  readonly endMs: number
  /** Index of the layer volume, for compute, encode, transfer and decode. */
  readonly volume?: number
  /** For `exit`. */
  readonly exit?: ExitName
  /** For `transfer`: the bytes on the wire and who receives them. */
  readonly bytes?: number
  readonly to?: DeviceId
}

/** Where the answer came from. */
export type AnswerSource = 'computed' | 'own-cache' | 'room-cache'

/** The story of one request, as the page, the exports and the benchmarks show it. */
export interface Trace {
  readonly request: RequestId
  readonly method: string
  readonly source: AnswerSource
  readonly exit: ExitName
  readonly totalMs: number
  readonly spans: readonly Span[]
  /** Set when a device was lost or late on the way and another completed the request. */
  readonly recovered?: string
}
