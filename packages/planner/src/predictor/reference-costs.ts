import { UNKNOWNS } from './fit.ts'
import { WORK_FEATURES, WORK_KINDS, type WorkKind } from './work.ts'

/**
 * Costs of one desktop core with ONNX Runtime's WASM on one thread, fitted to 430 nets of one to four layers (shapes usual
 * in public networks: some are those of layers that bench predictor evaluates), in ms per 10^6 of each feature; groups and counts per 1. Only their proportions matter: a fit
 * scales them to the device at hand.
 */
const REFERENCE: Readonly<Record<WorkKind, readonly number[]>> = {
  conv: [0.066, 0.066, 0.29, 0.18, 5.4, 0.16],
  depthwise: [0.178, 4.4, 0.116, 3.6e-5],
  dense: [0.058, 0.03],
  pool: [0.05, 0.12, 1.3, 0.01],
  arithmetic: [0.16],
  activation: [0.29],
  fused: [0.2],
  copy: [0.4],
  function: [2.4],
  normalise: [7],
  node: [8e-4],
}
/** Copied in, read back, and both beyond the caches. */
const BOUNDARY = [0.29, 1.5, 0.23, 0.27]
const OVERHEAD_MS = 0.034

/** In the order of a fit's unknowns, ms per unit. */
export function referenceCosts(): number[] {
  const single = new Set(['groups', 'count'])
  const work = WORK_KINDS.flatMap((kind) =>
    WORK_FEATURES[kind].map((feature, i) => (REFERENCE[kind][i] ?? 0) / (single.has(feature) ? 1 : 1e6)),
  )
  const costs = [...work, ...BOUNDARY.map((cost) => cost / 1e6), OVERHEAD_MS]
  if (costs.length !== UNKNOWNS) throw new RangeError(`reference: expected ${UNKNOWNS} costs`)
  return costs
}
