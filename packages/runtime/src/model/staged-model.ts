import type { DeviceId, ExitName, ModelDigest, Range, TensorName, TrunkName } from '@roomful/core'
import type { DType, InputSpec } from '@roomful/tensor'

/** A sub-model: from tensor `from` (exclusive) to `to` (inclusive). Equal parts give equal bytes. */
export interface StagePart {
  readonly trunk: TrunkName
  readonly from: TensorName
  readonly to: TensorName
  /** Rows of `to`; absent for the whole. The part then takes exactly `inputRows(from, to, rows)` of `from`. */
  readonly rows?: Range
  /** Bottleneck by which `from` travelled: the part begins with its decoder. */
  readonly decoder?: string
  /** Bottleneck by which `to` will travel: the part ends with its encoder. */
  readonly encoder?: string
  /** Tensors taken beside `from`. Only between sessions of one stage: what travels is always one tensor. */
  readonly alsoFrom?: readonly TensorName[]
  /** Tensors given beside `to`; see `alsoFrom`. */
  readonly alsoTo?: readonly TensorName[]
}

/** What a part's session takes and gives, in the order in which the session lists them. */
export const takenBy = ({ from, alsoFrom = [] }: StagePart): readonly TensorName[] => [from, ...alsoFrom]
export const givenBy = ({ to, alsoTo = [] }: StagePart): readonly TensorName[] => [to, ...alsoTo]

export interface ModelExit {
  readonly name: ExitName
  /** The partition point that the exit hangs on. */
  readonly from: TensorName
  /** Its logits. */
  readonly output: TensorName
  readonly temperature: number
}

/** A tensor at which the model may be cut. */
export interface CutPoint {
  readonly tensor: TensorName
  readonly macsBefore: number
  /** SHA-256 of everything before the tensor: models that share a trunk share it. */
  readonly prefixDigest?: string
}

/**
 * What the runtime knows of a model: geometry at once, sub-models when asked for. `package-model.ts` makes one of a model
 * package; tests and the simulator bring their own.
 */
export interface StagedModel {
  readonly digest: ModelDigest
  readonly input: { readonly tensor: TensorName; readonly dims: readonly number[]; readonly spec?: InputSpec }
  readonly output: { readonly tensor: TensorName; readonly temperature: number }
  /** Outputs of the network that are neither the answer nor an exit: no plan computes them. Default none. */
  readonly otherOutputs?: readonly TensorName[]
  readonly trunks: readonly TrunkName[]
  readonly exits: readonly ModelExit[]
  /** In the order of the network, without input and output. */
  readonly points: readonly CutPoint[]
  readonly macs: number
  /** Shape of the input, of a partition point, of an exit's or the trunk's output, of what `split` names; undefined for other names. */
  shape(tensor: TensorName): readonly number[] | undefined
  /** Element type of a partition point or of what `split` names; float32 unless the model is quantised there. */
  dtype(tensor: TensorName): DType
  /** Rows of `from` that rows `rows` of `to` depend on. @throws when a node in between forbids tiling, naming it */
  inputRows(from: TensorName, to: TensorName, rows: Range): Range
  hasBottleneck(tensor: TensorName, name: string): boolean
  /** Shape of the code that a bottleneck's encoder makes of `tensor`. */
  codeShape(tensor: TensorName, bottleneck: string): readonly number[] | undefined
  /** Whether every weight is on this device: it can complete any request alone without asking anybody. */
  held(): boolean
  /**
   * Parts that follow each other and together compute `part`, as few as possible of at most `maxMacs` each: in
   * multiply-accumulates of plain convolutions that take as long. One operator is never divided, so a part may be longer.
   * Between the parts several tensors may cross, and a tensor may be taken by a part later than the next. Undefined where
   * only partition points will do: rows, quantised nets, trunks other than the first.
   */
  split?(part: StagePart, maxMacs: number): readonly StagePart[] | undefined
  /** ONNX bytes with weights inside. `fetchedBytes`: what came over the network for it. */
  part(part: StagePart, signal?: AbortSignal): Promise<{ readonly bytes: Uint8Array; readonly fetchedBytes: number }>
}

/** Opens models by digest; equal digests give the same model while it is held. */
export interface ModelLibrary {
  /** `askFrom`: a device that is known to hold the model; `manifestUrl`: where its package lies, if anywhere. */
  open(
    digest: ModelDigest,
    hints: { readonly askFrom?: DeviceId; readonly manifestUrl?: string },
    signal?: AbortSignal,
  ): Promise<StagedModel>
}
