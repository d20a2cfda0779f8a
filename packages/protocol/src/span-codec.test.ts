import { deviceId, planId, requestId, SPAN_KINDS, type Span } from '@roomful/core'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from './error.ts'
import { decodeMessage, encodeMessage } from './frame.ts'
import type { PeerMessage } from './peer.ts'
import { MAX_SPANS, SpansSchema } from './schema/common.ts'
import { onlySlice, SLICE_HEADER_BYTES } from './slice.ts'
import { decodeSpans, encodeSpans, MAX_SPANS_BYTES } from './span-codec.ts'

const SEED = 20261123
const self = deviceId('helper')
const device = fc.string({ unit: fc.constantFrom(...'azAZ09_.:/#@+-'), minLength: 1, maxLength: 64 }).map(deviceId)
const exitName = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.constantFrom('\ufeffexit', 'x'.repeat(512)),
)
const time = fc.double({ min: -1e12, max: 1e12, noNaN: true })
const span: fc.Arbitrary<Span> = fc.record(
  {
    device: fc.constant(self),
    kind: fc.constantFrom(...SPAN_KINDS),
    startMs: time,
    endMs: time,
    volume: fc.nat(0xffff),
    exit: exitName,
    bytes: fc.nat(0xffff_ffff),
    to: device,
  },
  { requiredKeys: ['device', 'kind', 'startMs', 'endMs'] },
)
const rounded = (spans: readonly Span[]) =>
  spans.map((one) => ({ ...one, startMs: Math.fround(one.startMs), endMs: Math.fround(one.endMs) }))
/** What a stage of `count` sessions tells. */
const sessions = (count: number): Span[] =>
  Array.from({ length: count }, (_, i) => {
    const kind = i === 0 ? 'decode' : i % 2 === 0 ? 'queue' : 'compute'
    return { device: self, kind, startMs: 3.1234567 * i, endMs: 3.1234567 * (i + 1), volume: 2 }
  })

describe('the spans of a report', () => {
  it('come back as they were but for the rounding of their times, on whatever offset the bytes lie', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 30 }), fc.nat(7), (spans, offset) => {
        const bytes = encodeSpans(spans)
        const shifted = new Uint8Array(offset + bytes.byteLength).subarray(offset)
        shifted.set(bytes)
        expect(decodeSpans(shifted, self)).toEqual(rounded(spans))
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('are exact to a tenth of a microsecond within the first second', () => {
    const [first] = decodeSpans(
      encodeSpans([{ device: self, kind: 'compute', startMs: 1 / 3, endMs: 999.123456 }]),
      self,
    )
    expect(first?.startMs).toBeCloseTo(1 / 3, 7)
    expect(Math.abs((first?.endMs ?? 0) - 999.123456)).toBeLessThan(1e-4)
  })

  it('are those of the device they came from, whatever its own list said', () => {
    const other = deviceId('other')
    const spans = decodeSpans(encodeSpans(sessions(3).map((one) => ({ ...one, device: other }))), self)
    expect(spans.map((one) => one.device)).toEqual([self, self, self])
  })

  it('take 12 bytes each, a transfer 18 and its receiver once', () => {
    const to = deviceId('laptop')
    const transfer: Span = { device: self, kind: 'transfer', startMs: 1, endMs: 1, volume: 3, bytes: 100_000, to }
    expect(encodeSpans([]).byteLength).toBe(0)
    expect(encodeSpans(sessions(15)).byteLength).toBe(4 + 15 * 12)
    expect(encodeSpans([...sessions(5), transfer, transfer]).byteLength).toBe(4 + 5 * 12 + 2 * 18 + 2 + to.length)
  })

  it('are left out beyond their number and beyond the bytes of a report', () => {
    expect(decodeSpans(encodeSpans(sessions(MAX_SPANS + 1)), self)).toHaveLength(MAX_SPANS)
    const named = sessions(MAX_SPANS).map((one, i) => ({ ...one, exit: `${i} ${'e'.repeat(500)}` }))
    const bytes = encodeSpans(named)
    expect(bytes.byteLength).toBeLessThanOrEqual(MAX_SPANS_BYTES)
    const told = decodeSpans(bytes, self)
    expect(told.length).toBeGreaterThan(100)
    expect(told).toEqual(rounded(named.slice(0, told.length)))
  })

  it('refuse what has no place in the form', () => {
    const [good = expect.fail()] = sessions(1)
    for (const bad of [
      { startMs: Number.NaN },
      { endMs: Number.POSITIVE_INFINITY },
      { volume: 65_536 },
      { volume: 0.5 },
      { bytes: 2 ** 32 },
      { bytes: -1 },
      { exit: '' },
      { exit: 'x'.repeat(513) },
      { to: deviceId('not a token') },
    ]) {
      expect(() => encodeSpans([{ ...good, ...bad }])).toThrow(expect.objectContaining({ reason: 'malformed' }))
    }
  })
})

/** The spans if the bytes hold some, which then satisfy the schema; a typed error otherwise. */
function attempt(bytes: Uint8Array): Span[] | undefined {
  try {
    const spans = decodeSpans(bytes, self)
    expect(v.is(SpansSchema, spans)).toBe(true)
    expect(spans.length * 12).toBeLessThanOrEqual(bytes.byteLength)
    expect(spans.every((one) => one.device === self)).toBe(true)
    return spans
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError)
    expect((error as ProtocolError).reason).toBe('malformed')
    return undefined
  }
}

describe('the bytes of a hostile peer', () => {
  it('are spans that the schema allows, no more than they hold, or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        attempt(bytes)
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('are refused when a report is changed, cut or prolonged into none', () => {
    let accepted = 0
    fc.assert(
      fc.property(
        fc.array(span, { minLength: 1, maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }),
        fc.integer({ min: -20, max: 4 }),
        (spans, changes, more) => {
          const bytes = encodeSpans(spans)
          for (const [at, value] of changes) bytes[at % bytes.byteLength] = value
          const sent = new Uint8Array(Math.max(0, bytes.byteLength + more))
          sent.set(bytes.subarray(0, sent.byteLength))
          if (attempt(more < 0 && changes.length > 0 ? sent : bytes) !== undefined) accepted++
          if (more !== 0 && changes.length === 0 && sent.byteLength > 0) expect(attempt(sent)).toBeUndefined()
        },
      ),
      { seed: SEED, numRuns: 2000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  it('cannot promise more spans, names or bytes than there are', () => {
    const head = (spans: number, names: number, bytes: number) => {
      const report = new Uint8Array(bytes)
      new DataView(report.buffer).setUint16(0, spans, true)
      new DataView(report.buffer).setUint16(2, names, true)
      return report
    }
    for (const [spans, names, bytes] of [
      [0, 0, 4],
      [1, 0, 15],
      [1, 0, 17],
      [MAX_SPANS, 0, 64],
      [MAX_SPANS + 1, 0, 4 + 12 * (MAX_SPANS + 1)],
      [1, 0xffff, 64],
      [2, 5, 64],
      [1, 0, MAX_SPANS_BYTES + 1],
    ] as const) {
      expect(attempt(head(spans, names, bytes))).toBeUndefined()
    }
    expect(attempt(head(1, 0, 16))).toHaveLength(1)
    expect(attempt(head(MAX_SPANS, 0, 4 + 12 * MAX_SPANS))).toHaveLength(MAX_SPANS)
  })
})

describe('the messages that carry spans', () => {
  const wire = (message: PeerMessage) =>
    onlySlice(encodeMessage(message), { messageId: 1, priority: 0 }).slice(SLICE_HEADER_BYTES)
  const answer = (count: number): PeerMessage => {
    const blobs = [new Uint8Array(4_024), encodeSpans(sessions(count))]
    const ids = { requestId: requestId('d0-slow:r5.1'), planId: planId('d0-slow:p1') }
    return { type: 'notice', kind: 'result', body: { ...ids, exit: 'final', confident: true, blobs } }
  }

  it('keep the answer of a net with 1,000 classes within the first window, up to 45 spans', () => {
    for (const count of [0, 1, 5, 15, 45]) {
      const sent = wire(answer(count))
      expect(decodeMessage(sent)).toEqual(answer(count))
      expect(sent.byteLength).toBeLessThanOrEqual(4_800)
    }
  })

  it('have a blob for them even when there are none', () => {
    const bare: PeerMessage = { type: 'notice', kind: 'spans', body: { requestId: requestId('r/1'), blobs: [] } }
    expect(() => decodeMessage(wire(bare))).toThrow(expect.objectContaining({ reason: 'malformed' }))
  })
})
