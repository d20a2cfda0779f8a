import type { DeviceId } from '@roomful/core'
import type { RoomPredictorOptions } from './predictor.ts'

/** A factor of the messages' cost stays within these bounds, as a correction of the compute does. */
const LOW = Math.log(0.25)
const HIGH = Math.log(4)
/** Where messages make up less than this of a prediction, what it is off by says little of them. */
const LEAST_SHARE = 0.2
/** Halvings of the interval: the factor is known to 1 %. */
const STEPS = 7

/**
 * What the initiator's messages cost, as a multiple of what is known of browsers in general (`IN_BROWSERS`): the factor with which the
 * prediction of a plan meets the mean time of requests on it that followed one another. The speed of computing alone does not tell it: a
 * throttled processor that computes at half its speed for an hour handles messages as before. [ours]
 *
 * @param predictMs the prediction with messages at a factor, ms; undefined where the plan does not fit the room
 * @returns a factor within 0.25..4; undefined where messages make up too little of the time to be told apart
 */
export function messageFactorOf(
  observedMs: number,
  predictMs: (factor: number) => number | undefined,
): number | undefined {
  const [cheap, usual] = [predictMs(Math.exp(LOW)), predictMs(1)]
  if (cheap === undefined || usual === undefined || usual - cheap < LEAST_SHARE * usual) return undefined
  let [low, high] = usual < observedMs ? [0, HIGH] : [LOW, 0]
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2
    if ((predictMs(Math.exp(middle)) ?? observedMs) < observedMs) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
}

/** `options` with messages of the initiator at `factor` times their usual cost, and of all others at that. */
export function withMessages(options: RoomPredictorOptions, initiator: DeviceId, factor = 1): RoomPredictorOptions {
  return { ...options, messageFactor: (device) => (device === initiator ? factor : 1) }
}
