import type { ModelDigest, TrunkName } from '@roomful/core'
import { sha256Hex } from '@roomful/tensor'

/** Hex digest of bytes, at least 32 digits. SHA-256 everywhere but where time is simulated (WebCrypto takes real time). */
export type Hash = (bytes: Uint8Array<ArrayBuffer>) => Promise<string>

/** Hex digits of a key: 128 bits of SHA-256, short enough to be gossiped by the thousand. */
const KEY_DIGITS = 32
const HEX = new RegExp(`^[0-9a-f]{${KEY_DIGITS},}$`)
/** Digits that are combined at once, within 32 bits. */
const PART = 4
/** Most namespaces whose digests are remembered: models, trunks and cuts of the plans of late. */
const MAX_NAMESPACES = 256

/**
 * Keys of entries: the digest of a namespace (what computes) combined by exclusive or with that of the input. Both are parts of
 * SHA-256, so that keys are as unlikely to meet as its first 128 bits are; and a request that looks for an answer and for maps at
 * four cuts asks WebCrypto, which answers from another thread, only for the digest of its input. Who knows one key of an input can work
 * out its others (namespaces are no secret), so keys tell which entries are of one input, and what is fetched by them is verified like any other.
 */
export class CacheKeys {
  readonly #hash: Hash
  readonly #namespaces = new Map<string, Promise<string>>()

  constructor(hash: Hash = sha256Hex) {
    this.#hash = hash
  }

  /**
   * Key of the answer of a model (one trunk of it) to an input. `inputDigest`: 32 hex digits or more, as of `digestInput` of
   * packages/tensor over the preprocessed input.
   */
  answer(model: ModelDigest, trunk: TrunkName, inputDigest: string): Promise<string> {
    return this.#key(['answer', model, trunk], inputDigest)
  }

  /**
   * Key of a feature map, by everything before the cut and the input, so that two models that share a trunk share its entries.
   * `form`: the precision and code that the map is in.
   */
  feature(prefixDigest: string, inputDigest: string, form = ''): Promise<string> {
    return this.#key(['feature', prefixDigest, form], inputDigest)
  }

  async #key(parts: readonly string[], inputDigest: string): Promise<string> {
    const namespace = await this.#namespace(JSON.stringify(parts))
    if (!HEX.test(namespace) || !HEX.test(inputDigest))
      throw new RangeError(`a digest has ${KEY_DIGITS} hex digits or more`)
    let key = ''
    for (let at = 0; at < KEY_DIGITS; at += PART) {
      const part = digits(namespace, at) ^ digits(inputDigest, at)
      key += part.toString(16).padStart(PART, '0')
    }
    return key
  }

  #namespace(name: string): Promise<string> {
    const known = this.#namespaces.get(name)
    if (known !== undefined) return known
    const digest = this.#hash(new TextEncoder().encode(name))
    this.#namespaces.set(name, digest)
    digest.catch(() => this.#namespaces.delete(name))
    const [oldest] = this.#namespaces.keys()
    if (this.#namespaces.size > MAX_NAMESPACES && oldest !== undefined) this.#namespaces.delete(oldest)
    return digest
  }
}

const digits = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + PART), 16)
