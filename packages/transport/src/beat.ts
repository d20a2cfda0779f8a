/** What one beat tells. Times are the sender's clock except where said. */
export interface Beat {
  readonly sequence: number
  /** The sender's promise: the next beat comes after this long at the latest (a hidden tab's timers are slow). */
  readonly intervalMs: number
  /** When it was sent, on the sender's clock. */
  readonly sentAtMs: number
  /** `sentAtMs` of the newest beat that the sender had received; NaN when none. */
  readonly echoSentAtMs: number
  /** How long the sender had held that beat. */
  readonly echoHeldMs: number
  /** What the sender gets from the receiver of this beat, in 10^6 bits per second; absent while it does not know. */
  readonly receivedMbit?: number
  /** How many slices of messages the sender has got, so that the receiver knows whether its last one has arrived. */
  readonly receivedSlices?: number
  /** What comes from the receiver of this beat has lately lost nothing: only this end can tell. */
  readonly lossless?: true
}

/** What a sender may promise. Who is promised less than it promises itself beats as fast as its peer. */
export const INTERVALS = {
  /** The sender misses beats: it wants an answer at once, and beats at this pace. */
  doubtingMs: 100,
  /** Seven misses in a row (1e-9 at 5 % loss), and eight, stay below the promised 2 s. */
  busyMs: 200,
  /** Nothing but beats travels: half the processor time of a weak device that only waits. */
  restingMs: 400,
  /** And has for seconds, on a way that loses next to nothing: in a room of eight, beats are most of what a page at rest does. */
  sleepingMs: 800,
  /** A hidden page's timers fire once a second at best. */
  hiddenMs: 1000,
} as const

/*
 * A beat on the wire, little-endian, 44 bytes:
 *   u8 magic | u8 flags (1 lossless) | u16 intervalMs | u32 sequence | f64 sentAtMs | f64 echoSentAtMs | f64 echoHeldMs | f64 receivedMbit
 *   | u32 receivedSlices
 * receivedMbit (since protocol 2) is NaN while unknown: how a sender learns its own uplink, which only the receiver sees.
 * receivedSlices (since protocol 4) is 2^32 - 1 while unknown; lossless (since protocol 4).
 */
const MAGIC = 0x48
const LOSSLESS = 1
const BEAT_BYTES = 44
const UNCOUNTED = 0xffff_ffff
/** 1 Tbit/s: more is no measurement. */
const MAX_MBIT = 1e6

export function encodeBeat(beat: Beat): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BEAT_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, MAGIC)
  view.setUint8(1, beat.lossless === true ? LOSSLESS : 0)
  view.setUint16(2, beat.intervalMs, true)
  view.setUint32(4, beat.sequence, true)
  view.setFloat64(8, beat.sentAtMs, true)
  view.setFloat64(16, beat.echoSentAtMs, true)
  view.setFloat64(24, beat.echoHeldMs, true)
  view.setFloat64(32, beat.receivedMbit ?? Number.NaN, true)
  view.setUint32(40, beat.receivedSlices ?? UNCOUNTED, true)
  return bytes
}

/** Undefined for anything that is not a beat: an unreliable channel is not worth an error. */
export function decodeBeat(bytes: Uint8Array): Beat | undefined {
  if (bytes.byteLength !== BEAT_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const flags = view.getUint8(1)
  if (view.getUint8(0) !== MAGIC || flags > LOSSLESS) return undefined
  const receivedMbit = view.getFloat64(32, true)
  const receivedSlices = view.getUint32(40, true)
  const beat: Beat = {
    intervalMs: view.getUint16(2, true),
    sequence: view.getUint32(4, true),
    sentAtMs: view.getFloat64(8, true),
    echoSentAtMs: view.getFloat64(16, true),
    echoHeldMs: view.getFloat64(24, true),
    ...(receivedMbit > 0 && receivedMbit <= MAX_MBIT ? { receivedMbit } : {}),
    ...(receivedSlices === UNCOUNTED ? {} : { receivedSlices }),
    ...(flags === LOSSLESS ? { lossless: true } : {}),
  }
  // A promise of more than the slowest honest timer would buy a dead peer time.
  const honest = beat.intervalMs > 0 && beat.intervalMs <= 2 * INTERVALS.hiddenMs && Number.isFinite(beat.sentAtMs)
  return honest ? beat : undefined
}
