import type { DeviceId } from '@roomful/core'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { ProtocolError } from './error.ts'
import { type RoomKeys, subtleCrypto } from './keys.ts'
import { PROTOCOL_VERSION } from './peer.ts'

/*
 * Hello, on a fresh link: each side sends `hello` with a fresh nonce and no proof; having the other's nonce, each sends
 * `hello` again with the same nonce and the proof. Nothing else is accepted before the other's proof was verified.
 */

/** What one side's proof covers; the other side's proof has the roles swapped, so neither can be sent back. */
export interface HelloClaim {
  readonly version: number
  /** The device that proves. */
  readonly prover: DeviceId
  readonly verifier: DeviceId
  readonly proverNonce: string
  readonly verifierNonce: string
}

/** 128 random bits, base64url. */
export function createNonce(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(16)))
}

/** HMAC-SHA-256 under the room's hello key; base64url, 43 characters. */
export async function helloProof(keys: RoomKeys, claim: HelloClaim): Promise<string> {
  return toBase64Url(new Uint8Array(await subtleCrypto().sign('HMAC', keys.helloKey, claimBytes(keys, claim))))
}

/**
 * @throws ProtocolError `proof` when the prover does not know the room key, or answers another hello
 */
export async function verifyHelloProof(keys: RoomKeys, claim: HelloClaim, proof: string): Promise<void> {
  const bytes = fromBase64Url(proof)
  const valid = await subtleCrypto().verify('HMAC', keys.helloKey, bytes, claimBytes(keys, claim))
  if (!valid) throw new ProtocolError('proof', `${claim.prover} did not prove that it knows the room key`)
}

function claimBytes(keys: RoomKeys, claim: HelloClaim): Uint8Array<ArrayBuffer> {
  const { version, prover, verifier, proverNonce, verifierNonce } = claim
  return new TextEncoder().encode(JSON.stringify([keys.roomId, version, prover, verifier, proverNonce, verifierNonce]))
}

/**
 * @throws ProtocolError `version`, naming both versions and which side is older
 */
export function checkVersion(theirs: number, them: string, ours: number = PROTOCOL_VERSION): void {
  if (theirs === ours) return
  const older = theirs < ours ? `${them} is older` : 'this side is older'
  throw new ProtocolError(
    'version',
    `${them} speaks protocol ${theirs}, this side ${ours}: ${older}; reload the page on the older one`,
  )
}
