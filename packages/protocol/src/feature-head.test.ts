import { deviceId, planId, requestId } from '@roomful/core'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './error.ts'
import { encodeFeatureHead } from './feature-head.ts'
import { decodeMessage, encodeMessage } from './frame.ts'
import type { NoticeOf, PeerMessage } from './peer.ts'
import { NOTICE_RULES } from './schema/peer.ts'
import { onlySlice, SLICE_HEADER_BYTES } from './slice.ts'

const SEED = 20261122
const token = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'azAZ09_.:/#@+-'), minLength: 1, maxLength })
const asciiName = fc.string({ minLength: 1, maxLength: 512 })
const anyName = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 })
const body = (name: fc.Arbitrary<string>): fc.Arbitrary<NoticeOf<'feature'>> =>
  fc.record(
    {
      requestId: token(160).map(requestId),
      planId: token(160).map(planId),
      initiator: token(64).map(deviceId),
      volume: fc.nat(1024),
      shards: fc.array(fc.nat(1024), { maxLength: 64 }),
      exits: fc.array(name, { maxLength: 64 }) as fc.Arbitrary<NoticeOf<'feature'>['exits']>,
      relay: fc.boolean(),
      rows: fc.tuple(fc.nat(2 ** 40 - 1), fc.nat(2 ** 40 - 1)).map(([a, b]) => ({
        start: Math.min(a, b),
        end: Math.max(a, b) + 1,
      })),
      remainingMs: fc.double({ min: 0, max: 1e12, noNaN: true }).map((ms) => ms + 0),
      encoding: fc.constantFrom('feature', 'jpeg', 'webp'),
      blobs: fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 64 }),
    },
    {
      requiredKeys: [
        'requestId',
        'planId',
        'initiator',
        'volume',
        'shards',
        'exits',
        'remainingMs',
        'encoding',
        'blobs',
      ],
    },
  )
const notice = (of: NoticeOf<'feature'>): PeerMessage => ({ type: 'notice', kind: 'feature', body: of })
const wire = (message: PeerMessage) =>
  onlySlice(encodeMessage(message), { messageId: 1, priority: 0 }).slice(SLICE_HEADER_BYTES)

describe('the binary head of feature notices', () => {
  it('carries every body that the schema allows, whatever the names', () => {
    fc.assert(
      fc.property(fc.oneof(body(asciiName), body(anyName)), (of) => {
        expect(decodeMessage(wire(notice(of)))).toEqual(notice(of))
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('is the same in a room that others have used, and has its own where that is too small', () => {
    fc.assert(
      fc.property(body(fc.oneof(asciiName, anyName)), fc.integer({ min: 0, max: 1024 }), (of, roomBytes) => {
        const room = new Uint8Array(roomBytes + 8).fill(255).subarray(8)
        const lent = onlySlice(encodeMessage(notice(of), room), { messageId: 1, priority: 0 }).slice(SLICE_HEADER_BYTES)
        expect(lent).toEqual(wire(notice(of)))
        const head = encodeFeatureHead(of, room)
        if (head !== undefined) expect(head.buffer === room.buffer).toBe(head.byteLength <= roomBytes)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('holds names of ASCII only; others travel as JSON', () => {
    fc.assert(
      fc.property(body(fc.oneof(asciiName, anyName)), (of) => {
        const isAscii = of.exits.every((name) => /^[\0-\x7f]*$/.test(name))
        expect(encodeFeatureHead(of) !== undefined).toBe(isAscii)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('never yields a body that the schema refuses, whatever bytes come', () => {
    const { schema } = NOTICE_RULES.feature
    let accepted = 0
    fc.assert(
      fc.property(
        body(asciiName),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.nat(40),
        (of, changes, cut) => {
          const bytes = wire(notice(of))
          for (const [at, value] of changes) bytes[Math.min(at, bytes.byteLength - 1)] = value
          const sent = cut < 8 ? bytes.slice(0, bytes.byteLength - cut) : bytes
          try {
            const message = decodeMessage(sent)
            if (message.type !== 'notice' || message.kind !== 'feature') throw new Error('another message')
            const { blobs, ...bare } = message.body
            expect(v.is(schema, bare)).toBe(true)
            expect(blobs?.length).toBeGreaterThan(0)
            accepted++
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError)
            expect((error as ProtocolError).reason).toBe('malformed')
          }
        },
      ),
      { seed: SEED, numRuns: 1000 },
    )
    expect(accepted).toBeGreaterThan(0)
  })

  it('refuses a body beyond the bounds at the receiver, as JSON does', () => {
    const of: NoticeOf<'feature'> = {
      requestId: requestId('r/1'),
      planId: planId('p/1'),
      initiator: deviceId('a'),
      volume: 1025,
      shards: [],
      exits: [],
      remainingMs: 1,
      encoding: 'feature',
      blobs: [new Uint8Array(3)],
    }
    expect(() => decodeMessage(wire(notice(of)))).toThrow(/volume/)
    expect(() => decodeMessage(wire(notice({ ...of, volume: 1, blobs: [] })))).toThrow(ProtocolError)
  })
})
