/**
 * What a latency predictor must know of one layer: the micro-benchmark of packages/engine times such layers, and the
 * planner describes a graph's nodes with them. Batch 1. Sizes are those of the layer's output where not said otherwise.
 */
export type LayerShape = ConvShape | DenseShape | PoolShape | ElementwiseShape

export interface ConvShape {
  readonly kind: 'conv'
  readonly inputChannels: number
  readonly outputChannels: number
  /** 1: every output channel reads every input channel; `inputChannels`: depthwise. */
  readonly groups: number
  /** Kernel height x width. */
  readonly taps: number
  readonly stride: number
  readonly rows: number
  readonly columns: number
}

export interface DenseShape {
  readonly kind: 'dense'
  readonly inputs: number
  readonly outputs: number
}

export interface PoolShape {
  readonly kind: 'pool'
  /** Window height x width; a global pool's is its whole input. */
  readonly taps: number
  /** A global pool's is 0: each input is read once. */
  readonly stride: number
  readonly elements: number
}

/**
 * Layers whose time follows their elements. `arithmetic`: one vector operation (Add, BatchNormalization); `activation`: a
 * few (PReLU, Clip, HardSwish, a ReLU apart from any convolution); `fused`: done by the convolution before it while
 * it writes (Clip, the Add of a residual block); `copy`: values move (Concat, Transpose); `function`: an exponential per
 * element (Sigmoid); `normalise`: sums over neighbours and a power (Softmax, LRN).
 */
export const ELEMENTWISE_KINDS = ['arithmetic', 'activation', 'fused', 'copy', 'function', 'normalise'] as const
export type ElementwiseKind = (typeof ELEMENTWISE_KINDS)[number]

export interface ElementwiseShape {
  readonly kind: ElementwiseKind
  readonly elements: number
}
