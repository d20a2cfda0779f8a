import { lastPoint, type PlannableModel, segmentAt } from '../model/plannable.ts'

/** Longest predicted time of one session in the runtime, whose cancel acts between sessions. */
export const SEGMENT_MS = 15
/** On devices where starting a run takes long, sessions may be so many times as long, and so long at most, */
const RUNS_OF_OVERHEAD = 20
const MOST_MS = 100
/** unless more than half of a session would be overhead. */
const LEAST_RUNS_OF_OVERHEAD = 2
/** On slower devices than this sessions are longer, by the square of the ratio. */
const WEAK_GMACS = 8

/**
 * Where the runtime cuts a stage into sessions at partition points, each of which pays the device's overhead (runtime's
 * `plan/segments.ts`, `segmentsOf`). Where it knows the inside of residual blocks it cuts there too, into about as many. A stage that is
 * predicted to be short is one session.
 */
export class Sessions {
  /** After `cut`: the inner points at which the stage is cut, ascending. */
  readonly cuts: Int32Array
  readonly #macs: Float64Array
  readonly #segmentMs: number

  constructor(model: PlannableModel, segmentMs: number) {
    this.#segmentMs = segmentMs
    this.#macs = new Float64Array(model.points.length)
    for (let i = 0; i < lastPoint(model); i++) {
      this.#macs[i + 1] = (this.#macs[i] as number) + segmentAt(model, i).macs
    }
    this.cuts = new Int32Array(model.points.length)
  }

  /**
   * @param share of the volume's rows
   * @param gmacsPerSecond the speed in the device's profile, by which the runtime predicts
   * @returns how many cuts there are
   */
  cut(from: number, to: number, share: number, gmacsPerSecond: number, overheadMs: number): number {
    const start = this.#macs[from] as number
    const total = (this.#macs[to] as number) - start
    const predictedMs = overheadMs + (total * share) / (gmacsPerSecond * 1e6)
    const weakMs = Math.max(RUNS_OF_OVERHEAD * overheadMs, this.#segmentMs * (WEAK_GMACS / gmacsPerSecond) ** 2)
    const longestMs = Math.max(this.#segmentMs, Math.min(MOST_MS, weakMs), LEAST_RUNS_OF_OVERHEAD * overheadMs)
    if (predictedMs <= longestMs || !(total > 0)) return 0
    const perMac = predictedMs / total
    let count = 0
    let begunMs = 0
    for (let i = from + 1; i < to; i++) {
      const macs = (this.#macs[i] as number) - start
      if (macs <= 0 || macs >= total) continue
      const nextMacs = (this.#macs[i + 1] as number) - start
      const atMs = macs * perMac
      // Points without work between them end a session together.
      const nextMs = Math.min(nextMacs, total) * perMac
      if (nextMs - begunMs <= longestMs || atMs <= begunMs) continue
      this.cuts[count++] = i
      begunMs = atMs
    }
    return count
  }
}
