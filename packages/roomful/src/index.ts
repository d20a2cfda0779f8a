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
  type Schedule,
  SPAN_KINDS,
  type Span,
  type SpanKind,
  type TensorName,
  type Trace,
  type WireFormat,
} from '@roomful/core'
export { EngineError } from '@roomful/engine'
export { ModelError } from '@roomful/model'
export { ProtocolError } from '@roomful/protocol'
export { RuntimeError } from '@roomful/runtime'
export { TransportError } from '@roomful/transport'
export { type JoinOptions, joinRoom } from './join.ts'
export * from './session.ts'
export * from './snapshot.ts'
