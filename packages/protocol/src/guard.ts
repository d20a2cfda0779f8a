import * as v from 'valibot'
import { ProtocolError } from './error.ts'
import { isFeatureBody } from './feature-guard.ts'
import type { NoticeKind, NoticeOf, PeerMessage, ReplyOf, RequestKind, RequestOf } from './peer.ts'
import { type BodyRule, EnvelopeSchema, NOTICE_RULES, REQUEST_RULES } from './schema/peer.ts'
import {
  AnswerSchema,
  JoinAnswerSchema,
  JoinSchema,
  PeerJoinedSchema,
  PeerLeftSchema,
  PeerUnseenSchema,
  ProfileUpdateSchema,
  SignalledSchema,
  SignalSchema,
} from './schema/signalling.ts'
import type { ClientEvents, ServerEvents, SignallingAnswer } from './signalling.ts'

/**
 * Data of another party checked against a schema.
 * @throws ProtocolError `malformed`, naming the place
 */
function check<S extends v.GenericSchema>(schema: S, value: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = v.getDotPath(issue)
  throw new ProtocolError('malformed', `${what}${path === null ? '' : ` ${path}`}: ${issue.message.slice(0, 200)}`)
}

/** Separates a body from its blobs and checks both. */
function checkBody(rule: BodyRule, value: unknown, what: string): unknown {
  if (!isObject(value)) throw new ProtocolError('malformed', `${what}: the body is not an object`)
  const { blobs = [], ...body } = value
  return checkParts(rule, body, blobs, what)
}

/** A body whose blobs came beside it. */
function checkParts(rule: BodyRule, body: unknown, blobs: unknown, what: string): unknown {
  const { schema, blobs: bounds } = rule
  if (!Array.isArray(blobs) || !blobs.every((blob) => blob instanceof Uint8Array)) {
    throw new ProtocolError('malformed', `${what}: blobs must be byte arrays`)
  }
  if (blobs.length < bounds.min || blobs.length > bounds.max) {
    throw new ProtocolError('malformed', `${what}: ${blobs.length} blobs, expected ${bounds.min} to ${bounds.max}`)
  }
  const checked = check(schema, body, what) as { blobs?: unknown }
  // A fresh object of the guard's own.
  if (blobs.length > 0) checked.blobs = blobs
  return checked
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A request's body by kind. @throws ProtocolError `malformed` */
export function checkRequest<K extends RequestKind>(kind: K, body: unknown): RequestOf<K> {
  return checkBody(REQUEST_RULES[kind].request, body, `request ${kind}`) as RequestOf<K>
}

/** A reply's body by the kind that was asked. @throws ProtocolError `malformed` */
export function checkReply<K extends RequestKind>(kind: K, body: unknown): ReplyOf<K> {
  return checkBody(REQUEST_RULES[kind].reply, body, `reply ${kind}`) as ReplyOf<K>
}

/** A notice's body by kind. @throws ProtocolError `malformed` */
export function checkNotice<K extends NoticeKind>(kind: K, body: unknown): NoticeOf<K> {
  return checkBody(NOTICE_RULES[kind], body, `notice ${kind}`) as NoticeOf<K>
}

/**
 * A peer's message with its blobs in place. The body of a `reply` stays unchecked (`checkReply` needs the kind that was
 * asked).
 * @throws ProtocolError `malformed`
 */
export function checkPeerMessage(value: unknown): PeerMessage {
  const message = check(EnvelopeSchema, value, 'message')
  switch (message.type) {
    case 'request':
      return { ...message, body: checkRequest(message.kind, message.body) } as PeerMessage
    case 'notice':
      return { ...message, body: checkNotice(message.kind, message.body) } as PeerMessage
    case 'hello':
    case 'reply':
    case 'failure':
    case 'abort':
      return message as PeerMessage
  }
}

/**
 * The same for a message whose blobs travelled beside it; puts them in place.
 * @throws ProtocolError `malformed`
 */
export function checkParted(value: unknown, blobs: readonly Uint8Array[]): PeerMessage {
  if (isFeatureNotice(value) && blobs.length >= FEATURE_BLOBS.min && blobs.length <= FEATURE_BLOBS.max) {
    value.body.blobs = blobs
    return value as PeerMessage
  }
  const message = check(EnvelopeSchema, value, 'message')
  switch (message.type) {
    case 'request':
      message.body = checkParts(REQUEST_RULES[message.kind].request, message.body, blobs, `request ${message.kind}`)
      break
    case 'notice':
      message.body = checkParts(NOTICE_RULES[message.kind], message.body, blobs, `notice ${message.kind}`)
      break
    case 'reply': {
      const { body } = message
      if (isObject(body) && 'blobs' in body)
        throw new ProtocolError('malformed', 'blobs travel beside the body, not in it')
      if (blobs.length === 0) break
      if (!isObject(body)) throw new ProtocolError('malformed', 'a reply without a body carries blobs')
      message.body = { ...body, blobs }
      break
    }
    default:
      if (blobs.length > 0) throw new ProtocolError('malformed', 'a message without a body carries blobs')
  }
  return message as PeerMessage
}

const FEATURE_BLOBS = NOTICE_RULES.feature.blobs

/** The most frequent message, without the schema's walk. */
function isFeatureNotice(value: unknown): value is { body: { blobs?: readonly Uint8Array[] } } {
  if (!isObject(value) || value['kind'] !== 'feature' || value['type'] !== 'notice') return false
  return Object.keys(value).length === 3 && isFeatureBody(value['body'])
}

type ClientMessage<E extends 'join' | 'profile' | 'signal'> = Parameters<ClientEvents[E]>[0]
type ServerMessage<E extends keyof typeof SERVER_SCHEMAS> = Parameters<ServerEvents[E]>[0]

const CLIENT_SCHEMAS = { join: JoinSchema, profile: ProfileUpdateSchema, signal: SignalSchema }
const SERVER_SCHEMAS = {
  'peer-joined': PeerJoinedSchema,
  'peer-updated': ProfileUpdateSchema,
  'peer-unseen': PeerUnseenSchema,
  'peer-left': PeerLeftSchema,
  signal: SignalledSchema,
}

/** For the server: the argument of a client's event. @throws ProtocolError `malformed` */
export function checkClientMessage<E extends keyof typeof CLIENT_SCHEMAS>(event: E, value: unknown): ClientMessage<E> {
  return check(CLIENT_SCHEMAS[event], value, event) as unknown as ClientMessage<E>
}

/** For the client: the argument of the server's event. @throws ProtocolError `malformed` */
export function checkServerMessage<E extends keyof typeof SERVER_SCHEMAS>(event: E, value: unknown): ServerMessage<E> {
  return check(SERVER_SCHEMAS[event], value, event) as unknown as ServerMessage<E>
}

/** For the client: the server's acknowledgement of anything but `join`. @throws ProtocolError `malformed` */
export function checkAnswer(value: unknown): SignallingAnswer {
  return check(AnswerSchema, value, 'answer') as SignallingAnswer
}

type JoinAnswer = Parameters<Parameters<ClientEvents['join']>[1]>[0]

/** For the client: the server's acknowledgement of `join`. @throws ProtocolError `malformed` */
export function checkJoinAnswer(value: unknown): JoinAnswer {
  return check(JoinAnswerSchema, value, 'join answer') as unknown as JoinAnswer
}
