import { deviceId } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { ProtocolError } from './error.ts'
import { checkVersion, createNonce, type HelloClaim, helloProof, verifyHelloProof } from './hello.ts'
import { createRoomKey, formatInvite, parseInvite } from './invite.ts'
import { deriveRoomKeys } from './keys.ts'
import { open, seal } from './seal.ts'

const SEED = 128
const key = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => new Uint8Array(bytes))
const a = deviceId('a')
const b = deviceId('b')

describe('invite links', () => {
  it('carry any key, in the fragment only', () => {
    fc.assert(
      fc.property(key, (bytes) => {
        const link = formatInvite('https://192.168.1.7:8443/?observer#old', bytes)
        expect(parseInvite(link)).toEqual(bytes)
        expect(new URL(link).search).toBe('?observer')
        expect(link.split('#')[0]).not.toContain(toBase64Url(bytes))
      }),
      { seed: SEED },
    )
  })

  it('tell a link without a key from a damaged one', () => {
    expect(parseInvite('https://example.org/')).toBeUndefined()
    expect(parseInvite('#other=1')).toBeUndefined()
    const link = formatInvite('https://example.org/', createRoomKey())
    for (const damaged of [link.slice(0, -1), `${link}A`, '#k=', '#k=%20']) {
      expect(() => parseInvite(damaged)).toThrow(expect.objectContaining({ reason: 'invite' }))
    }
  })

  it('accept only the canonical text of a key', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(toBase64Url(fromBase64Url(text))).toBe(text)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { seed: SEED },
    )
  })
})

describe('room keys', () => {
  it('derive the same room id from the same key and another from another', async () => {
    const first = createRoomKey()
    const [one, again, other] = await Promise.all([first, first, createRoomKey()].map(deriveRoomKeys))
    expect(one?.roomId).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(again?.roomId).toBe(one?.roomId)
    expect(other?.roomId).not.toBe(one?.roomId)
    expect(one?.roomId).not.toBe(toBase64Url(first))
  })

  it('derive by HKDF-SHA-256 as RFC 5869 has it', async () => {
    // Computed with Python: hmac/hashlib, extract with salt "roomful/1", expand with info "room id", 16 bytes.
    const keys = await deriveRoomKeys(Uint8Array.from({ length: 16 }, (_, index) => index))
    expect(keys.roomId).toBe('I3rnwWuztLGe2QDVarSGTg')
  })
})

describe('sealed signalling', () => {
  it('opens for the room and the route it was sealed for', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value))
        expect(await open(keys, { from: a, to: b }, await seal(keys, { from: a, to: b }, value))).toEqual(expected)
      }),
      { seed: SEED, numRuns: 50 },
    )
  })

  it('opens for nobody else: other key, other route, or a changed bit', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const others = await deriveRoomKeys(createRoomKey())
    const sealed = await seal(keys, { from: a, to: b }, { sdp: 'v=0' })
    const refused = expect.objectContaining({ reason: 'sealed' })
    await expect(open(others, { from: a, to: b }, sealed)).rejects.toThrow(refused)
    await expect(open(keys, { from: b, to: a }, sealed)).rejects.toThrow(refused)
    const bytes = fromBase64Url(sealed)
    for (const place of [0, 12, bytes.length - 1]) {
      const changed = bytes.slice()
      changed[place] = (changed[place] ?? 0) ^ 1
      await expect(open(keys, { from: a, to: b }, toBase64Url(changed))).rejects.toThrow(refused)
    }
  })

  it('never seals twice alike, and refuses what is too long', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const texts = await Promise.all([1, 2, 3].map(() => seal(keys, { from: a, to: b }, 'same')))
    expect(new Set(texts).size).toBe(3)
    const long = seal(keys, { from: a, to: b }, 'x'.repeat(30_000))
    await expect(long).rejects.toThrow(expect.objectContaining({ reason: 'too-large' }))
  })

  it('answers random text with a typed error', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String()), async (text) => {
        await expect(open(keys, { from: a, to: b }, text)).rejects.toBeInstanceOf(ProtocolError)
      }),
      { seed: SEED },
    )
  })
})

describe('hello', () => {
  const claim: HelloClaim = {
    version: 1,
    prover: a,
    verifier: b,
    proverNonce: 'n1'.repeat(8),
    verifierNonce: 'n2'.repeat(8),
  }

  it('convinces whoever has the same room key', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const proof = await helloProof(keys, claim)
    expect(proof).toHaveLength(43)
    await expect(verifyHelloProof(keys, claim, proof)).resolves.toBeUndefined()
  })

  it('convinces nobody when key, role, nonce or version differ', async () => {
    const keys = await deriveRoomKeys(createRoomKey())
    const proof = await helloProof(keys, claim)
    const refused = expect.objectContaining({ reason: 'proof' })
    await expect(verifyHelloProof(await deriveRoomKeys(createRoomKey()), claim, proof)).rejects.toThrow(refused)
    const swapped = {
      ...claim,
      prover: b,
      verifier: a,
      proverNonce: claim.verifierNonce,
      verifierNonce: claim.proverNonce,
    }
    const changes: Partial<HelloClaim>[] = [
      swapped,
      { proverNonce: createNonce() },
      { version: 2 },
      { verifier: deviceId('c') },
    ]
    for (const change of changes) {
      await expect(verifyHelloProof(keys, { ...claim, ...change }, proof)).rejects.toThrow(refused)
    }
  })

  it('names both versions and the older side when they differ', () => {
    expect(() => checkVersion(1, 'phone', 2)).toThrow(/phone speaks protocol 1, this side 2: phone is older/)
    expect(() => checkVersion(3, 'phone', 2)).toThrow(/phone speaks protocol 3, this side 2: this side is older/)
    expect(checkVersion(2, 'phone', 2)).toBeUndefined()
  })
})
