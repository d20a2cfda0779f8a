import { malformed } from './header.ts'

/**
 * Zero suppression: one bit per element that says whether it is other than zero (lowest bit first), then those elements.
 * After a ReLU about half of a map is zero; this halves it at the speed of a copy, where deflate gains no more in twenty
 * times the time (figures: bench/codec.bench.ts). The zero is that of the bits: -0 is kept.
 */
type Words = Uint8Array | Uint16Array | Uint32Array

/** Elements of these sizes are suppressed; others travel dense. */
export function isSparseSize(elementBytes: number): elementBytes is 1 | 2 | 4 {
  return elementBytes === 1 || elementBytes === 2 || elementBytes === 4
}

/*
 * `(x | -x) >>> 31` is 1 for every x but 0, without a branch: half of a map's zeros are mispredicted otherwise, which
 * costs more than all the rest.
 */

/** The suppressed payload, or undefined where it would save less than a tenth. `bytes` must be aligned to its elements. */
export function suppressZeros(bytes: Uint8Array, elementBytes: 1 | 2 | 4): Uint8Array | undefined {
  const words = wordsOf(bytes, elementBytes)
  const count = words.length
  const present = countNonZero(words)
  const maskBytes = (count + 7) >> 3
  const total = maskBytes + present * elementBytes
  if (total > bytes.length * 0.9) return undefined
  const out = new Uint8Array(total)
  // One element more than there are: a zero is written after the last one before the next overwrites it.
  const kept = allocateWords(present + 1, elementBytes)
  let at = 0
  for (let base = 0, m = 0; base < count; base += 8, m++) {
    const end = Math.min(base + 8, count)
    let mask = 0
    for (let i = base; i < end; i++) {
      const word = words[i] as number
      const bit = (word | -word) >>> 31
      kept[at] = word
      at += bit
      mask |= bit << (i - base)
    }
    out[m] = mask
  }
  out.set(new Uint8Array(kept.buffer, 0, present * elementBytes), maskBytes)
  return out
}

/**
 * The dense payload of `count` elements again, in memory of its own.
 * @throws TensorError `malformed` when mask and elements do not fit together
 */
export function restoreZeros(payload: Uint8Array, count: number, elementBytes: 1 | 2 | 4): Uint8Array {
  const maskBytes = (count + 7) >> 3
  if (payload.length < maskBytes) throw malformed('a feature map whose zero mask is cut off')
  const mask = payload.subarray(0, maskBytes)
  const present = countBits(mask)
  const spare = maskBytes * 8 - count
  if (spare > 0 && (mask[maskBytes - 1] as number) >> (8 - spare) !== 0) {
    throw malformed('a feature map whose zero mask is too long')
  }
  if (payload.length !== maskBytes + present * elementBytes) {
    throw malformed(`a feature map whose zero mask counts ${present} elements and whose payload holds others`)
  }
  const kept = allocateWords(present + 1, elementBytes)
  new Uint8Array(kept.buffer).set(payload.subarray(maskBytes))
  const out = allocateWords(count, elementBytes)
  let at = 0
  for (let i = 0; i < count; i++) {
    const bit = ((mask[i >> 3] as number) >> (i & 7)) & 1
    out[i] = (kept[at] as number) & -bit
    at += bit
  }
  return new Uint8Array(out.buffer)
}

function wordsOf(bytes: Uint8Array, elementBytes: 1 | 2 | 4): Words {
  const count = bytes.length / elementBytes
  if (elementBytes === 1) return bytes
  if (elementBytes === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, count)
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count)
}

function allocateWords(count: number, elementBytes: 1 | 2 | 4): Words {
  return elementBytes === 1
    ? new Uint8Array(count)
    : elementBytes === 2
      ? new Uint16Array(count)
      : new Uint32Array(count)
}

function countNonZero(words: Words): number {
  let count = 0
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number
    count += (word | -word) >>> 31
  }
  return count
}

function countBits(mask: Uint8Array): number {
  let count = 0
  for (let i = 0; i < mask.length; i++) {
    let byte = mask[i] as number
    byte -= (byte >> 1) & 0x55
    byte = (byte & 0x33) + ((byte >> 2) & 0x33)
    count += (byte + (byte >> 4)) & 0x0f
  }
  return count
}
