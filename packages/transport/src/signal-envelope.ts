import * as v from 'valibot'
import type { ConnectionSignal } from './peer-connection.ts'
import { TransportError } from './room.ts'

/**
 * What travels sealed through the signalling server. A `session` is one attempt to connect, named by its initiator;
 * signals of an older one are stale. `call` asks the initiator for a new attempt, `restart` for a new path.
 */
export type SignalEnvelope =
  | { readonly kind: 'signal'; readonly session: string; readonly signal: ConnectionSignal }
  | { readonly kind: 'call' }
  | { readonly kind: 'restart'; readonly session: string }

const SessionSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{8,64}$/))
const SignalSchema = v.variant('type', [
  v.strictObject({ type: v.picklist(['offer', 'answer']), sdp: v.pipe(v.string(), v.maxLength(24_000)) }),
  v.strictObject({
    type: v.literal('candidate'),
    candidate: v.strictObject({
      candidate: v.pipe(v.string(), v.maxLength(1000)),
      sdpMLineIndex: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16)))),
      sdpMid: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(64)))),
    }),
  }),
  v.strictObject({ type: v.literal('renegotiate'), renegotiate: v.literal(true) }),
])
const EnvelopeSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('signal'), session: SessionSchema, signal: SignalSchema }),
  v.strictObject({ kind: v.literal('call') }),
  v.strictObject({ kind: v.literal('restart'), session: SessionSchema }),
])

/** An opened signal: it comes from a holder of the room key, and is still untrusted. @throws TransportError `malformed` */
export function checkEnvelope(value: unknown): SignalEnvelope {
  const parsed = v.safeParse(EnvelopeSchema, value, { abortEarly: true })
  if (parsed.success) return parsed.output
  throw new TransportError('malformed', `signal: ${parsed.issues[0].message.slice(0, 200)}`)
}
