/**
 * IEEE 754 binary16 <-> binary32. Rounding is to nearest, ties to even; finite values beyond the range saturate at
 * +-65504 (an infinity on the wire would spoil the whole rest of a net); infinities and NaN stay what they are.
 *
 * Down: the bits of the float32, with F. Giesen's magic-number addition for subnormals ("float->half variants",
 * `float_to_half_fast3_rtne`, public domain). Up: a table of all 65,536 halves, made at first use (256 KiB).
 */
const scratch = new Float32Array(1)
const scratchBits = new Uint32Array(scratch.buffer)

const MAX_HALF_BITS = 0x477fe000 // 65504 as float32
const FIRST_SATURATED = 0x477ff000 // 65520: would round to infinity
const MIN_NORMAL = 0x38800000 // 2^-14
const INFINITY_BITS = 0x7f800000
const DENORMAL_MAGIC = 0.5 // its float32 exponent puts the half's subnormal bits at the bottom of the mantissa

/** Halves as raw bits. `source` may be unaligned bits of a larger array; one new array. */
export function toHalf(source: Float32Array): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length)
  const out = new Uint16Array(source.length)
  for (let i = 0; i < out.length; i++) {
    const word = bits[i] as number
    const sign = (word >>> 16) & 0x8000
    let magnitude = word & 0x7fffffff
    if (magnitude >= FIRST_SATURATED) {
      if (magnitude > INFINITY_BITS) {
        out[i] = sign | 0x7e00
        continue
      }
      if (magnitude === INFINITY_BITS) {
        out[i] = sign | 0x7c00
        continue
      }
      magnitude = MAX_HALF_BITS
    }
    if (magnitude < MIN_NORMAL) {
      scratchBits[0] = magnitude
      scratch[0] = (scratch[0] as number) + DENORMAL_MAGIC
      out[i] = sign | ((scratchBits[0] as number) - 0x3f000000)
    } else {
      const odd = (magnitude >>> 13) & 1
      out[i] = sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13)
    }
  }
  return out
}

let table: Float32Array | undefined

/** Halves (raw bits) as float32, exactly. */
export function fromHalf(source: Uint16Array): Float32Array {
  table ??= halfTable()
  const values = table
  const out = new Float32Array(source.length)
  for (let i = 0; i < out.length; i++) out[i] = values[source[i] as number] as number
  return out
}

function halfTable(): Float32Array {
  const out = new Float32Array(0x10000)
  for (let half = 0; half < 0x10000; half++) {
    const exponent = (half >>> 10) & 0x1f
    const mantissa = half & 0x3ff
    const sign = half & 0x8000 ? -1 : 1
    if (exponent === 0) out[half] = sign * mantissa * 2 ** -24
    else if (exponent === 0x1f) out[half] = mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    else out[half] = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
  }
  return out
}
