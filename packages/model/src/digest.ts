import { type ModelDigest, modelDigest } from '@roomful/core'
import { sha256Hex } from '@roomful/tensor'

/** Lower-case hex SHA-256. WebCrypto: in browsers only in a secure context. */
export function sha256(bytes: Uint8Array): Promise<string> {
  return sha256Hex(plain(bytes))
}

/** WebCrypto refuses views of shared memory; they are copied, others pass as they are. */
function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes)
}

export const sha256Text = (text: string): Promise<string> => sha256(new TextEncoder().encode(text))

/**
 * The identity of a model: SHA-256 over the three lines `roomful-model/1`, `graph HEX`, `weights HEX`, each ended by a
 * line feed. Names, labels and thresholds are not part of it: they change no feature map.
 */
export async function packageDigest(graphSha256: string, weightsSha256: string): Promise<ModelDigest> {
  return modelDigest(await sha256Text(`roomful-model/1\ngraph ${graphSha256}\nweights ${weightsSha256}\n`))
}
