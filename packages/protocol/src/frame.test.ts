import { deviceId, modelDigest, planId, requestId } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './error.ts'
import { decodeMessage, encodeMessage } from './frame.ts'
import type { PeerMessage } from './peer.ts'
import { Reassembler } from './reassembler.ts'
import { dropSlice, onlySlice, readSlice, SLICE_HEADER_BYTES, SliceCutter } from './slice.ts'

const SEED = 20261121
const run = <T>(property: fc.IProperty<T>, numRuns = 300) => fc.assert(property, { seed: SEED, numRuns })

const blob = fc.uint8Array({ maxLength: 700 })
const blobs = fc.array(blob, { minLength: 1, maxLength: 4 })
const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({
    type: fc.constant('request' as const),
    id: fc.nat(),
    kind: fc.constant('weights' as const),
    body: fc.record({
      digest: fc.constant(modelDigest('m1')),
      start: fc.nat(1000),
      end: fc.integer({ min: 1001, max: 9999 }),
    }),
  }),
  fc.record({ type: fc.constant('reply' as const), id: fc.nat(), body: fc.record({ blobs }) }),
  fc.record({ type: fc.constant('abort' as const), id: fc.nat() }),
  fc.record({
    type: fc.constant('notice' as const),
    kind: fc.constant('feature' as const),
    body: fc.record({
      requestId: fc.constant(requestId('r/1')),
      planId: fc.constant(planId('p/1')),
      initiator: fc.constant(deviceId('a')),
      volume: fc.nat(20),
      shards: fc.array(fc.nat(8), { maxLength: 3 }),
      exits: fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 3 }),
      remainingMs: fc.nat(10_000),
      encoding: fc.constant('feature' as const),
      blobs,
    }),
  }),
)
const join = (slices: Iterable<Uint8Array<ArrayBuffer>>, reassembler = new Reassembler()) => {
  for (const slice of slices) {
    const whole = reassembler.push(slice)
    if (whole !== undefined) return whole
  }
  return undefined
}
const slice = (m: PeerMessage, maxSliceBytes: number, messageId = 1, priority = 0) =>
  new SliceCutter(encodeMessage(m), { messageId, priority, maxSliceBytes })

describe('framing', () => {
  it('carries every message through slices of any size', () => {
    run(
      fc.property(message, fc.integer({ min: SLICE_HEADER_BYTES + 1, max: 3000 }), fc.nat(255), (m, size, priority) => {
        const slices = [...slice(m, size, 7, priority)]
        expect(slices.every((one) => one.byteLength <= size)).toBe(true)
        const whole = join(slices)
        expect(whole?.messageId).toBe(7)
        expect(whole?.priority).toBe(priority)
        expect(decodeMessage(whole?.bytes ?? new Uint8Array())).toEqual(m)
      }),
    )
  })

  it('encodes text beyond ASCII', () => {
    const m: PeerMessage = { type: 'notice', kind: 'presence', body: { away: true, reason: 'gesperrt – 画面 🔒' } }
    expect(decodeMessage(join(slice(m, 100))?.bytes ?? new Uint8Array())).toEqual(m)
  })

  it('starts every blob at a multiple of 8 bytes, so that it can be viewed as any typed array', () => {
    run(
      fc.property(blobs, (list) => {
        const whole = join(slice({ type: 'reply', id: 1, body: { blobs: list } }, 100))
        const decoded = decodeMessage(whole?.bytes ?? new Uint8Array())
        const { blobs: views } = ('body' in decoded ? decoded.body : {}) as { blobs: Uint8Array[] }
        expect(views.every((view) => view.byteOffset % 8 === 0)).toBe(true)
      }),
    )
  })

  it('keeps interleaved messages apart', () => {
    run(
      fc.property(
        fc.array(message, { minLength: 2, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        (messages, choices) => {
          const senders = messages.map((m, id) => ({ id, slices: slice(m, 60, id) }))
          const reassembler = new Reassembler()
          const received = new Map<number, PeerMessage>()
          while (senders.length > 0) {
            const index = (choices.next().value as number) % senders.length
            const next = senders[index]?.slices.next()
            if (next === undefined) {
              senders.splice(index, 1)
              continue
            }
            const whole = reassembler.push(next)
            if (whole !== undefined) received.set(whole.messageId, decodeMessage(whole.bytes))
          }
          expect([...received].sort(([a], [b]) => a - b).map(([, m]) => m)).toEqual(messages)
          expect(reassembler.partialBytes).toBe(0)
        },
      ),
      100,
    )
  })

  it('answers random bytes with a typed error and nothing else', () => {
    run(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [decodeMessage, readSlice, (b: Uint8Array) => new Reassembler().push(Uint8Array.from(b))]) {
          expectTyped(() => read(bytes))
        }
      }),
      2000,
    )
  })

  it('answers a damaged message with a typed error or another valid message', () => {
    run(
      fc.property(message, fc.nat(), fc.nat(255), (m, place, value) => {
        const whole = join(slice(m, 4096))
        const bytes = whole?.bytes ?? new Uint8Array()
        bytes[place % bytes.byteLength] = value
        expectTyped(() => decodeMessage(bytes))
        expectTyped(() => decodeMessage(bytes.subarray(0, place % bytes.byteLength)))
      }),
      1000,
    )
  })

  it('refuses a message whose control part is too long', () => {
    const added = Array.from({ length: 9000 }, (_, index) => `${'k'.repeat(120)}${index}`)
    const notice: PeerMessage = { type: 'notice', kind: 'cacheIndex', body: { added, removed: [] } }
    expect(() => encodeMessage(notice)).toThrow(expect.objectContaining({ reason: 'too-large' }))
  })

  it('refuses blobs smuggled into the body and nesting without end', () => {
    for (const text of [
      '{"m":{"type":"reply","id":1,"body":{"blobs":[]}},"b":[]}',
      `{"m":${'{"cause":'.repeat(50_000)}1${'}'.repeat(50_000)},"b":[]}`,
      '{"m":{"type":"abort","id":1,"__proto__":{"x":1}},"b":[]}',
    ]) {
      const json = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8))
      const bytes = new Uint8Array(8 + json.byteLength)
      new DataView(bytes.buffer).setUint32(0, json.byteLength, true)
      bytes.set(json, 8)
      expect(() => decodeMessage(bytes)).toThrow(ProtocolError)
    }
  })
})

describe('the reassembler', () => {
  const big: PeerMessage = { type: 'reply', id: 1, body: { blobs: [new Uint8Array(1000)] } }

  it('refuses more incomplete messages, or bytes claimed by them, than it may hold', () => {
    const few = new Reassembler({ maxPartialMessages: 2 })
    for (const id of [1, 2]) for (const first of [...slice(big, 200, id)].slice(0, 1)) few.push(first)
    const third = [...slice(big, 200, 3)][0] ?? new Uint8Array()
    expect(() => few.push(third)).toThrow(expect.objectContaining({ reason: 'too-large' }))
    const small = new Reassembler({ maxPartialBytes: 900 })
    expect(() => small.push(third)).toThrow(expect.objectContaining({ reason: 'too-large' }))
    expect(() => new Reassembler({ maxMessageBytes: 900 }).push(third)).toThrow(ProtocolError)
  })

  it('refuses slices that are missing, repeated or contradict each other', () => {
    const slices = [...slice(big, 200)]
    const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = slices
    expect(() => join([first, third])).toThrow(expect.objectContaining({ reason: 'malformed' }))
    expect(() => join([first, first])).toThrow(expect.objectContaining({ reason: 'malformed' }))
    expect(() => join([second])).toThrow(expect.objectContaining({ reason: 'malformed' }))
  })

  it('hands on a message that came in one slice without a copy, within its bound', () => {
    const [slice = new Uint8Array()] = [
      ...new SliceCutter(encodeMessage(big), { messageId: 1, priority: 0, maxSliceBytes: 4096 }),
    ]
    expect(new Reassembler().push(slice)?.bytes.buffer).toBe(slice.buffer)
    expect(() => new Reassembler({ maxMessageBytes: 900 }).push(slice)).toThrow(ProtocolError)
    const shifted = new Uint8Array(slice.byteLength + 3).subarray(3)
    shifted.set(slice)
    const moved = new Reassembler().push(shifted)?.bytes
    expect(moved?.byteOffset).toBe(0)
    expect(decodeMessage(moved ?? new Uint8Array())).toEqual(big)
    expect(onlySlice(encodeMessage(big), { messageId: 1, priority: 0 })).toEqual(slice)
  })

  it('forgets a message that its sender dropped and accepts its id again', () => {
    const reassembler = new Reassembler()
    const [first = new Uint8Array()] = [...slice(big, 200, 5)]
    reassembler.push(first)
    expect(reassembler.partialMessages).toBe(1)
    reassembler.push(dropSlice(5))
    expect([reassembler.partialMessages, reassembler.partialBytes]).toEqual([0, 0])
    expect(join(slice(big, 200, 5), reassembler)?.messageId).toBe(5)
  })
})

function expectTyped(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
  }
}
