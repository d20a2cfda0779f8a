import type { RoomPredictorOptions } from './predictor.ts'

/**
 * By how much one message delays a request at one end, for a device of 1 GMAC/s: promises and tasks of the page, DTLS, and the
 * hops between a browser's processes. Chosen on offloaded requests at 0.1, 0.2 and 1.0 core (docs/benchmarks). [ours]
 */
const MESSAGE_MS = 12
/** What it takes of the processor in all: the page's thread is about half of it. [ours] */
const MESSAGE_WORK_MS = 18
/**
 * And per byte: its packets through SCTP and DTLS. A picture's 77 KB of pixels took a device of 0.1 core 50 ms more than 8 KB. [ours]
 */
const BYTE_MS = 5e-4

/** A picture's pixel to JPEG or back: 0.5 ms of a desktop's core for 160 x 160, since no other process has a part in it. [ours] */
const PIXEL_MS = 2.5e-4

/**
 * What a request costs its own page where the network begins there: pixels to a tensor, the trace, telling the page. 2.2 ms at 1.0 core
 * (12 GMAC/s); at 0.25 imagenette's exits came up to twice as much later than in proportion to their work. [ours]
 */
const ASK_MS = 26

/**
 * One stage, for a device of 1 GMAC/s: its way from the page's thread to the engine's Worker and back. Measured in Chromium
 * as 0.6 ms at 1.0 core, and as 8 and 25 ms at 0.2 and 0.1 cores, where it often waits for the quota's next period. [ours]
 */
const HOP_MS = 10

/** Times of equal quarters of a core alone lay 10 to 25 % apart within a run, and those of one device before and after it as far. [ours] */
const SPEED_NOISE = 0.15

/**
 * What a room of browsers adds to links and codecs. Where requests follow one another the congestion window that the last one
 * opened is still open, so that no message starts slowly; what is known of links that are used with pauses comes in place of that
 * (`LinkLearning`).
 */
export const IN_BROWSERS: Pick<
  RoomPredictorOptions,
  'startWindowBytes' | 'message' | 'hopMs' | 'bursts' | 'speedNoise'
> = {
  startWindowBytes: () => Number.POSITIVE_INFINITY,
  message: {
    delayMs: (bytes) => MESSAGE_MS + BYTE_MS * bytes,
    workMs: (bytes) => MESSAGE_WORK_MS + BYTE_MS * bytes,
    pixelMs: PIXEL_MS,
    askMs: ASK_MS,
  },
  bursts: true,
  speedNoise: SPEED_NOISE,
  hopMs: (gmacsPerSecond) => HOP_MS / gmacsPerSecond,
}
