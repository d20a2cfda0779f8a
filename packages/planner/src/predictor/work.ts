/**
 * Work as the regressions see it: per operator kind its multiply-accumulates, the bytes it touches and how many nodes
 * there are (METHODS section 2: latency is fitted per layer type).
 */
export const WORK_KINDS = ['conv', 'pointwise', 'depthwise', 'dense', 'pool', 'elementwise', 'other'] as const
export type WorkKind = (typeof WORK_KINDS)[number]

/** Features per kind: multiply-accumulates, bytes read and written, nodes. */
export const FEATURES_PER_KIND = 3
export const WORK_LENGTH = WORK_KINDS.length * FEATURES_PER_KIND

/** `[macs, bytes, nodes]` of each kind, in the order of WORK_KINDS; length WORK_LENGTH. */
export type Work = Float64Array

/** Fitted costs in the order of a Work: ms per multiply-accumulate, per byte and per node. */
export type WorkCosts = Float64Array

export const emptyWork = (): Work => new Float64Array(WORK_LENGTH)

/** Adds one node to `work` and returns it. */
export function addNode(work: Work, kind: WorkKind, macs: number, bytes: number, nodes = 1): Work {
  const at = WORK_KINDS.indexOf(kind) * FEATURES_PER_KIND
  work[at] = (work[at] ?? 0) + macs
  work[at + 1] = (work[at + 1] ?? 0) + bytes
  work[at + 2] = (work[at + 2] ?? 0) + nodes
  return work
}

export function addWork(into: Work, other: Work, sign = 1): Work {
  for (let i = 0; i < WORK_LENGTH; i++) into[i] = (into[i] as number) + sign * (other[i] as number)
  return into
}

export function workMacs(work: Work): number {
  let macs = 0
  for (let i = 0; i < WORK_LENGTH; i += FEATURES_PER_KIND) macs += work[i] as number
  return macs
}

/** Inner product: the predicted milliseconds of `work` under `costs`. */
export function workMs(work: Work, costs: WorkCosts): number {
  let ms = 0
  for (let i = 0; i < WORK_LENGTH; i++) ms += (work[i] as number) * (costs[i] as number)
  return ms
}

/** The costs of a device of which only its speed is known: every multiply-accumulate alike, all else free. */
export function costsOfSpeed(gmacsPerSecond: number): WorkCosts {
  const costs = new Float64Array(WORK_LENGTH)
  for (let i = 0; i < WORK_LENGTH; i += FEATURES_PER_KIND) costs[i] = 1 / (gmacsPerSecond * 1e6)
  return costs
}
