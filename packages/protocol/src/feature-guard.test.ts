import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { isFeatureBody } from './feature-guard.ts'
import { checkParted } from './guard.ts'
import { NOTICE_RULES } from './schema/peer.ts'

const good = {
  requestId: 'r/1',
  planId: 'p/1',
  initiator: 'phone',
  volume: 1,
  shards: [0, 3],
  exits: ['early exit'],
  relay: true,
  rows: { start: 0, end: 20 },
  remainingMs: 12.5,
  encoding: 'feature',
}
const isSchemaBody = (value: unknown) => v.is(NOTICE_RULES.feature.schema, value)

/** What JSON can hold, with the values on which the rules turn. */
const anything = fc.oneof(
  fc.constantFrom(
    0,
    -1,
    1,
    1024,
    1025,
    0.5,
    2 ** 40,
    2 ** 40 + 1,
    1e12,
    1.1e12,
    true,
    false,
    null,
    '',
    'a',
    'a b',
    'jpeg',
  ),
  fc.constantFrom('x'.repeat(64), 'x'.repeat(65), 'x'.repeat(160), 'x'.repeat(161), 'x'.repeat(512), 'x'.repeat(513)),
  fc.constantFrom([], [1], [-1], ['exit'], [''], Array(64).fill(1), Array(65).fill(1), Array(65).fill('e'), {}),
  fc.constantFrom({ start: 1, end: 2 }, { start: 2, end: 2 }, { start: 1, end: 2, step: 1 }, { start: 1 }, { 0: 1 }),
  fc.jsonValue(),
)
const keys = [...Object.keys(good), 'blobs', 'other', '__proto__', 'toString']

describe('the short way of feature notices', () => {
  it('lets pass what the schema lets pass, and nothing else', () => {
    const body = fc.array(fc.tuple(fc.constantFrom(...keys), fc.option(anything, { nil: undefined })), { maxLength: 2 })
    fc.assert(
      fc.property(body, (changes) => {
        // Through JSON, as on the wire: `undefined` takes the key away, and `__proto__` is a key like any other.
        const fields = new Map<string, unknown>(Object.entries(good))
        for (const [key, value] of changes) fields.set(key, value)
        const parts = [...fields].filter(([, value]) => value !== undefined)
        const text = `{${parts.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
        expect(isFeatureBody(JSON.parse(text))).toBe(isSchemaBody(JSON.parse(text)))
      }),
      { seed: 20261121, numRuns: 5000 },
    )
  })

  it('is no way around the rules for envelopes and blobs', () => {
    const notice = { type: 'notice', kind: 'feature', body: good }
    const blob = new Uint8Array(8)
    expect(checkParted(structuredClone(notice), [blob])).toEqual({ ...notice, body: { ...good, blobs: [blob] } })
    for (const [value, blobs] of [
      [notice, []],
      [notice, Array(65).fill(blob)],
      [{ ...notice, id: 1 }, [blob]],
      [{ ...notice, type: 'request' }, [blob]],
      [{ ...notice, kind: 'spans' }, [blob]],
      [{ ...notice, body: [good] }, [blob]],
      [{ ...notice, body: { ...good, blobs: [] } }, [blob]],
    ] as const) {
      expect(() => checkParted(structuredClone(value), blobs)).toThrow(expect.objectContaining({ reason: 'malformed' }))
    }
  })
})
