import { PlannerError } from '../error.ts'
import { LinkModel, START_WINDOW_BYTES } from './link.ts'

/** One measured one-way message (or half an echo). */
export interface TimedMessage {
  readonly bytes: number
  readonly ms: number
}

/** Start windows that are tried: from one packet to what covers most rooms. */
const WINDOWS = [1_200, 2_400, START_WINDOW_BYTES, 9_600, 14_400, 28_800, 57_600, 115_200, 1e9]

/**
 * RTT, bandwidth and start window from probes and real transfers: for each window the least squares of
 * `ms = RTT/2 + bytes/bandwidth + slow start` by alternation, because slow start depends on both; the window with the
 * smallest relative error wins.
 * @throws PlannerError `samples` with fewer than two sizes
 */
export function fitLink(samples: readonly TimedMessage[]): LinkModel {
  const usable = samples.filter(({ bytes, ms }) => bytes >= 0 && ms > 0)
  if (new Set(usable.map(({ bytes }) => bytes)).size < 2) {
    throw new PlannerError('samples', 'messages of at least two sizes are needed to fit a link')
  }
  let best: { model: LinkModel; error: number } | undefined
  for (const startWindowBytes of WINDOWS) {
    let model = line(usable, () => 0, startWindowBytes)
    for (let round = 0; round < 30; round++) {
      const previous = model
      model = line(usable, (bytes) => previous.slowStartMs(bytes), startWindowBytes)
    }
    const error = usable.reduce((sum, { bytes, ms }) => sum + ((model.messageMs(bytes) - ms) / ms) ** 2, 0)
    if (best === undefined || error < best.error * 0.999) best = { model, error }
  }
  return (best as { model: LinkModel }).model
}

/** Weighted least squares of `ms - slowStart = half + bytes * slope`, both non-negative. */
function line(
  samples: readonly TimedMessage[],
  slowStart: (bytes: number) => number,
  startWindowBytes: number,
): LinkModel {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0]
  for (const { bytes, ms } of samples) {
    const weight = 1 / (ms * ms)
    const y = Math.max(0, ms - slowStart(bytes))
    w += weight
    wx += weight * bytes
    wy += weight * y
    wxx += weight * bytes * bytes
    wxy += weight * bytes * y
  }
  const determinant = w * wxx - wx * wx
  let slope = determinant > 0 ? (w * wxy - wx * wy) / determinant : 0
  let half = (wy - slope * wx) / w
  if (slope <= 0) {
    slope = 1e-9
    half = wy / w
  }
  if (half < 0) {
    half = 0
    slope = wxy / wxx
  }
  return new LinkModel({ rttMs: 2 * half, mbitPerSecond: 1 / (slope * 125), startWindowBytes })
}
