import { SPAN_KINDS, type Trace, type WireError } from '@roomful/core'
import * as v from 'valibot'

/** Ids are short tokens: letters, digits and `_ . : / # @ + -`; nothing that needs escaping anywhere. */
export const TOKEN = /^[\w.:/#@+-]+$/
const token = (maxLength: number) => v.pipe(v.string(), v.maxLength(maxLength), v.regex(TOKEN))

export const MAX_DEVICE_ID = 64
export const DeviceIdSchema = token(MAX_DEVICE_ID)
export const RequestIdSchema = token(160)
export const PlanIdSchema = token(160)
export const DigestSchema = token(128)
export const CacheKeySchema = token(256)
/** Exit, tensor and backend names come from ONNX graphs: free strings, bounded. */
export const MAX_NAME = 512
export const NameSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_NAME))

/** A count or size: an integer in 0..2^40. */
export const CountSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 40))
/** The id of an exchange on one link: an unsigned 32-bit integer. */
export const ExchangeIdSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))
export const ShareSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** Milliseconds, rates and megabytes: finite, not negative, below 10^12. */
export const QuantitySchema = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1e12))
/** Milliseconds on some clock: spans may begin before what they are counted from. */
export const MAX_TIME_MS = 1e12
const TimeSchema = v.pipe(v.number(), v.finite(), v.minValue(-MAX_TIME_MS), v.maxValue(MAX_TIME_MS))

export const RangeSchema = v.pipe(
  v.strictObject({ start: CountSchema, end: CountSchema }),
  v.check(({ start, end }) => start < end, 'a range [start, end) must not be empty'),
)

export const SpanSchema = v.strictObject({
  device: DeviceIdSchema,
  kind: v.picklist(SPAN_KINDS),
  startMs: TimeSchema,
  endMs: TimeSchema,
  volume: v.exactOptional(CountSchema),
  exit: v.exactOptional(NameSchema),
  bytes: v.exactOptional(CountSchema),
  to: v.exactOptional(DeviceIdSchema),
})
/** Most spans of one report or trace. */
export const MAX_SPANS = 2048
export const SpansSchema = v.pipe(v.array(SpanSchema), v.maxLength(MAX_SPANS))

export const TraceSchema = v.strictObject({
  request: RequestIdSchema,
  method: NameSchema,
  source: v.picklist(['computed', 'own-cache', 'room-cache'] satisfies Trace['source'][]),
  exit: NameSchema,
  totalMs: QuantitySchema,
  spans: SpansSchema,
  recovered: v.exactOptional(v.pipe(v.string(), v.maxLength(1000))),
})

const wireErrorFields = {
  name: v.pipe(v.string(), v.maxLength(100)),
  reason: v.pipe(v.string(), v.maxLength(100)),
  message: v.pipe(v.string(), v.maxLength(1000)),
}

/** Finite depth on purpose: a recursive schema would let a peer exhaust the stack. `toWire` sends at most 4 causes. */
function wireErrorSchema(depth: number): v.GenericSchema<WireError> {
  return depth === 0
    ? v.strictObject(wireErrorFields)
    : v.strictObject({ ...wireErrorFields, cause: v.exactOptional(wireErrorSchema(depth - 1)) })
}
export const WireErrorSchema = wireErrorSchema(5)
