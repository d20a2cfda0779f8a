import type { ModelDigest, TrunkName } from '@roomful/core'
import { sha256Hex } from '@roomful/tensor'

/** Hex digits of a key: 128 bits of SHA-256, short enough to be gossiped by the thousand. */
const KEY_DIGITS = 32

/**
 * Key of the answer of a model (one trunk of it) to an input. `inputDigest`: `digestInput` of packages/tensor over the
 * preprocessed input.
 */
export function answerKey(model: ModelDigest, trunk: TrunkName, inputDigest: string): Promise<string> {
  return keyOf(['answer', model, trunk, inputDigest])
}

/**
 * Key of a feature map: SHA-256 of everything before the cut and of the input, so that two models that share a trunk
 * share its entries. `bottleneck`: the code that the map is in, if any.
 */
export function featureKey(prefixDigest: string, inputDigest: string, bottleneck?: string): Promise<string> {
  return keyOf(['feature', prefixDigest, inputDigest, bottleneck ?? ''])
}

async function keyOf(parts: readonly string[]): Promise<string> {
  const digest = await sha256Hex(new TextEncoder().encode(JSON.stringify(parts)))
  return digest.slice(0, KEY_DIGITS)
}
