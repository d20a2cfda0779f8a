import type { RoomId } from '@roomful/core'
import * as v from 'valibot'
import { DeviceIdSchema } from './common.ts'
import { DeviceProfileSchema, LinkProfileSchema, LinkProfilesSchema } from './profile.ts'

/** Longest sealed signalling message, in characters: an SDP with many candidates, sealed and in base64url. */
export const MAX_SEALED_CHARS = 32_768

const RoomIdSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/))
const ResumeSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{16,64}$/))
const SealedSchema = v.pipe(v.string(), v.maxLength(MAX_SEALED_CHARS), v.regex(/^[A-Za-z0-9_-]+$/))

export const JoinSchema = v.strictObject({
  room: RoomIdSchema,
  profile: DeviceProfileSchema,
  links: LinkProfilesSchema,
  resume: v.exactOptional(ResumeSchema),
})
export const ProfileUpdateSchema = v.strictObject({ profile: DeviceProfileSchema, links: LinkProfilesSchema })
export const SignalSchema = v.strictObject({ to: DeviceIdSchema, sealed: SealedSchema })

/** What the server tells a client is checked as well: a page may be given any signalling URL. */
export const PeerJoinedSchema = v.strictObject({ profile: DeviceProfileSchema })
export const PeerUnseenSchema = v.strictObject({ id: DeviceIdSchema })

export const PeerLeftSchema = v.strictObject({
  id: DeviceIdSchema,
  reason: v.picklist(['left', 'timeout', 'disconnected']),
})
export const SignalledSchema = v.strictObject({ from: DeviceIdSchema, sealed: SealedSchema })

const RefusalSchema = v.strictObject({
  ok: v.literal(false),
  reason: v.picklist([
    'malformed',
    'too-large',
    'rate-limited',
    'room-full',
    'version',
    'not-joined',
    'unknown-peer',
    'id-taken',
  ]),
  message: v.pipe(v.string(), v.maxLength(1000)),
  retryAfterMs: v.exactOptional(v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(3_600_000))),
})
export const AnswerSchema = v.variant('ok', [v.strictObject({ ok: v.literal(true) }), RefusalSchema])
export const JoinAnswerSchema = v.variant('ok', [
  v.strictObject({
    ok: v.literal(true),
    peers: v.pipe(v.array(DeviceProfileSchema), v.maxLength(256)),
    links: v.pipe(v.array(LinkProfileSchema), v.maxLength(65_536)),
    resume: ResumeSchema,
  }),
  RefusalSchema,
])

export const isRoomId = (text: string): text is RoomId => v.is(RoomIdSchema, text)
