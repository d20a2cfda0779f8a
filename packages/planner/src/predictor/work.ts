import { ELEMENTWISE_KINDS, type ElementwiseKind } from '@roomful/core'

/**
 * Work as the regressions see it: per operator kind the quantities that its time is a non-negative sum of (METHODS
 * section 2: latency is fitted per layer type). The quantities are those of ONNX Runtime's CPU kernels, which compute a
 * convolution as a matrix product over copied columns of the input (MLAS): for G groups, M output channels of a group, K
 * = input channels of a group x taps, N = rows x columns of the output, with the product done in blocks of 16 columns.
 *
 * | kind | features |
 * |---|---|
 * | conv | macs GMNK; padding GMK(N rounded up to 16, minus N); outputs GMN; columns GKN and copies GK x rows, both 0 for a 1 x 1 kernel with stride 1; strided: columns where the stride is above 1 |
 * | depthwise (M = 1) | macs; copies GK x rows; strided GKN where the stride is above 1; groups |
 * | dense | macs; streamed: weights beyond the first million, which no cache holds |
 * | pool | taps: outputs x window where windows do not step; strided: where they do; outputs; inputs of global pools |
 * | arithmetic ... normalise | elements (core/layer-shape.ts) |
 * | node | count |
 *
 * On other backends the same quantities serve; what does not matter there gets coefficients near zero.
 */
const ELEMENTS = ['elements'] as const
export const WORK_FEATURES = {
  conv: ['macs', 'padding', 'outputs', 'columns', 'copies', 'strided'],
  depthwise: ['macs', 'copies', 'strided', 'groups'],
  dense: ['macs', 'streamed'],
  pool: ['taps', 'strided', 'outputs', 'inputs'],
  ...(Object.fromEntries(ELEMENTWISE_KINDS.map((kind) => [kind, ELEMENTS])) as Record<
    ElementwiseKind,
    typeof ELEMENTS
  >),
  node: ['count'],
} as const satisfies Readonly<Record<string, readonly string[]>>

export type WorkKind = keyof typeof WORK_FEATURES
export const WORK_KINDS = Object.keys(WORK_FEATURES) as readonly WorkKind[]

const STARTS = new Map<WorkKind, number>()
let length = 0
for (const kind of WORK_KINDS) {
  STARTS.set(kind, length)
  length += WORK_FEATURES[kind].length
}

/** Features of all kinds together. */
export const WORK_LENGTH = length

/** The features of each kind in turn; length WORK_LENGTH. Feature 0 is the multiply-accumulates of convolutions. */
export type Work = Float64Array

/** Fitted costs in the order of a Work: ms per unit of each feature. */
export type WorkCosts = Float64Array

export const emptyWork = (): Work => new Float64Array(WORK_LENGTH)

/** Where a kind's features begin in a Work. */
export const workStart = (kind: WorkKind): number => STARTS.get(kind) ?? 0

/** Features that are multiply-accumulates. */
const MACS = (['conv', 'depthwise', 'dense'] as const).map(workStart)
/** Features that rows of a layer need as much of as the whole layer. */
const FIXED = new Uint8Array(WORK_LENGTH)
for (const at of [workStart('depthwise') + 3, workStart('node')]) FIXED[at] = 1

/** Adds some quantities of one kind, in the order of WORK_FEATURES, and returns `work`. */
export function addFeatures(work: Work, kind: WorkKind, values: readonly number[]): Work {
  const start = workStart(kind)
  for (const [i, value] of values.entries()) work[start + i] = (work[start + i] as number) + value
  return work
}

export function addWork(into: Work, other: Work, sign = 1): Work {
  for (let i = 0; i < WORK_LENGTH; i++) into[i] = (into[i] as number) + sign * (other[i] as number)
  return into
}

/** Adds the share of a layer's work that some of its rows need: what does not depend on the rows is added whole. */
export function addRowShare(into: Work, layer: Work, share: number): Work {
  for (let i = 0; i < WORK_LENGTH; i++) {
    const amount = layer[i] as number
    if (amount !== 0) into[i] = (into[i] as number) + (FIXED[i] === 1 ? amount : share * amount)
  }
  return into
}

export function workMacs(work: Work): number {
  let macs = 0
  for (const at of MACS) macs += work[at] as number
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
  for (const at of MACS) costs[at] = 1 / (gmacsPerSecond * 1e6)
  return costs
}
