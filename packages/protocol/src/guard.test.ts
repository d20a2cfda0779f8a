import { deviceId, modelDigest, type Plan, planId } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './error.ts'
import {
  checkAnswer,
  checkClientMessage,
  checkJoinAnswer,
  checkNotice,
  checkPeerMessage,
  checkReply,
  checkRequest,
  checkServerMessage,
} from './guard.ts'
import type { NoticeKind, RequestKind } from './peer.ts'
import { NOTICE_RULES, REQUEST_RULES } from './schema/peer.ts'

const profile = {
  id: deviceId('phone'),
  name: 'Phone',
  protocol: 1,
  role: 'worker' as const,
  backends: [
    {
      backend: 'ort-wasm' as const,
      threads: 2,
      gmacsPerSecond: 9.5,
      overheadMs: 0.4,
      coefficients: { Conv: [1, 2e-9] },
    },
  ],
  models: [modelDigest('ab12')],
  memoryMb: 4096,
  storage: { quotaMb: 1000, writeMbPerSecond: 100, readMbPerSecond: 200 },
  lending: true,
  visible: true,
  load: 0,
}
const link = { a: deviceId('phone'), b: deviceId('laptop'), rttMs: 3, mbitPerSecond: 90 }
const plan: Plan = {
  model: modelDigest('ab12'),
  trunk: 'main',
  input: { kind: 'tensor' },
  volumes: [
    {
      from: 'input',
      to: 'logits',
      shards: [{ device: deviceId('phone'), backend: 'ort-wasm' }],
      wire: { bits: 8, entropy: 'none' },
      route: 'peer',
    },
  ],
  exits: [],
  predicted: { latencyMs: 1, fullMs: 1, throughputPerSecond: 1, bytes: 0 },
  method: 'local',
}
const refused = expect.objectContaining({ reason: 'malformed' })

describe('the guards of peer messages', () => {
  it('accept a request and name the place of what is wrong with one', () => {
    const body = { planId: planId('p1'), plan, initiator: deviceId('phone') }
    expect(checkPeerMessage({ type: 'request', id: 1, kind: 'prepare', body })).toMatchObject({ body })
    const broken = { ...body, plan: { ...plan, volumes: [] } }
    expect(() => checkRequest('prepare', broken)).toThrow(/request prepare plan: plan: volumes/)
  })

  it('refuse unknown kinds, unknown keys and ids outside 32 bits', () => {
    expect(() => checkPeerMessage({ type: 'request', id: 1, kind: 'format-disk', body: {} })).toThrow(refused)
    expect(() => checkPeerMessage({ type: 'abort', id: 1, extra: true })).toThrow(refused)
    expect(() => checkPeerMessage({ type: 'abort', id: 2 ** 32 })).toThrow(refused)
  })

  it('bound byte ranges, blobs and arrays', () => {
    const digest = modelDigest('ab12')
    expect(() => checkRequest('weights', { digest, start: 0, end: 4 * 1024 * 1024 + 1 })).toThrow(refused)
    expect(() => checkRequest('weights', { digest, start: 5, end: 5 })).toThrow(refused)
    expect(() => checkReply('weights', { blobs: [new Uint8Array(1), new Uint8Array(1)] })).toThrow(refused)
    expect(() => checkNotice('cacheIndex', { added: new Array(5000).fill('k'), removed: [] })).toThrow(refused)
    expect(() => checkReply('model', { blobs: ['text'] })).toThrow(refused)
  })

  it('check replies by the kind that was asked', () => {
    expect(checkReply('prepare', { buildMs: 3, fetchedBytes: 10 })).toEqual({ buildMs: 3, fetchedBytes: 10 })
    expect(() => checkReply('prepare', {})).toThrow(refused)
    expect(checkReply('retire', {})).toEqual({})
  })

  it('answer any value with a typed error or accept it', () => {
    const anything = fc.anything({ withTypedArray: true, withBigInt: true, withNullPrototype: true })
    const requests = Object.keys(REQUEST_RULES) as RequestKind[]
    const notices = Object.keys(NOTICE_RULES) as NoticeKind[]
    const checks = [
      checkPeerMessage,
      checkAnswer,
      checkJoinAnswer,
      (value: unknown) => checkClientMessage('join', value),
      (value: unknown) => checkServerMessage('peer-updated', value),
      ...requests.flatMap((kind) => [
        (value: unknown) => checkRequest(kind, value),
        (value: unknown) => checkReply(kind, value),
      ]),
      ...notices.map((kind) => (value: unknown) => checkNotice(kind, value)),
    ]
    fc.assert(
      fc.property(anything, (value) => {
        for (const check of checks) {
          try {
            check(value)
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
          }
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})

describe('the guards of signalling messages', () => {
  const room = 'AAAAAAAAAAAAAAAAAAAAAA'

  it('accept a join and its answer', () => {
    expect(checkClientMessage('join', { room, profile, links: [link] })).toEqual({ room, profile, links: [link] })
    const answer = { ok: true, peers: [profile], links: [link], resume: 'r'.repeat(32) }
    expect(checkJoinAnswer(answer)).toEqual(answer)
  })

  it('refuse names beyond 40 characters, loads beyond 1, numbers that are none, and sealed texts beyond the bound', () => {
    const join = (change: object) => () =>
      checkClientMessage('join', { room, profile: { ...profile, ...change }, links: [] })
    expect(join({ name: 'x'.repeat(41) })).toThrow(refused)
    expect(join({ load: 1.01 })).toThrow(refused)
    expect(join({ memoryMb: Number.POSITIVE_INFINITY })).toThrow(refused)
    expect(join({ admin: true })).toThrow(refused)
    expect(() => checkClientMessage('signal', { to: 'a', sealed: 'A'.repeat(40_000) })).toThrow(refused)
    expect(() => checkClientMessage('signal', { to: 'a', sealed: 'no base64url!' })).toThrow(refused)
  })

  it('accept refusals as answers', () => {
    const refusal = { ok: false, reason: 'rate-limited', message: 'slow down', retryAfterMs: 10 }
    expect(checkAnswer(refusal)).toEqual(refusal)
    expect(checkJoinAnswer(refusal)).toEqual(refusal)
    expect(() => checkAnswer({ ok: false, reason: 'because', message: '' })).toThrow(refused)
  })
})
