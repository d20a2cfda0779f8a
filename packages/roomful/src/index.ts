export {
  type AnswerSource,
  type Backend,
  type BackendSpeed,
  chromeTraceOf,
  type DeviceId,
  type DeviceProfile,
  deviceId,
  type ExitName,
  errorText,
  type LayerVolume,
  type LinkProfile,
  modelDigest,
  type Plan,
  PlanError,
  planId,
  type Range,
  ReasonedError,
  requestId,
  SPAN_KINDS,
  type Span,
  type SpanKind,
  type TensorName,
  type Trace,
  type WireFormat,
} from '@roomful/core'
export { type JoinOptions, joinRoom } from './join.ts'
export * from './session.ts'
export * from './snapshot.ts'
