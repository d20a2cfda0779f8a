import type { ModelDigest, TrunkName } from '@roomful/core'
import { sha256Hex } from '@roomful/tensor'

/** Hex digest of bytes, at least 32 digits. SHA-256 everywhere but where time is simulated (WebCrypto takes real time). */
export type Hash = (bytes: Uint8Array<ArrayBuffer>) => Promise<string>

/** Hex digits of a key: 128 bits of SHA-256, short enough to be gossiped by the thousand. */
const KEY_DIGITS = 32

/**
 * Key of the answer of a model (one trunk of it) to an input. `inputDigest`: `digestInput` of packages/tensor over the
 * preprocessed input.
 */
export function answerKey(model: ModelDigest, trunk: TrunkName, inputDigest: string, hash?: Hash): Promise<string> {
  return keyOf(['answer', model, trunk, inputDigest], hash)
}

/**
 * Key of a feature map: SHA-256 of everything before the cut and of the input, so that two models that share a trunk
 * share its entries. `form`: the precision and code that the map is in.
 */
export function featureKey(prefixDigest: string, inputDigest: string, form = '', hash?: Hash): Promise<string> {
  return keyOf(['feature', prefixDigest, inputDigest, form], hash)
}

async function keyOf(parts: readonly string[], hash: Hash = sha256Hex): Promise<string> {
  const digest = await hash(new TextEncoder().encode(JSON.stringify(parts)))
  return digest.slice(0, KEY_DIGITS)
}
