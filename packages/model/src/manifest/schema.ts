import * as v from 'valibot'

/** Bytes of one chunk of weights.bin; the last one is shorter. */
export const CHUNK_BYTES = 262_144

const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(512))
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const Finite = v.pipe(v.number(), v.finite())
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const Hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'must be a lower-case hex SHA-256'))
const Side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4096))
/** A file of the package folder itself: no folders, no scheme, no leading dot. */
const FileName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/, 'must be a plain file name'))
const Json = v.record(v.string(), v.unknown())

const GraphFile = v.strictObject({ path: FileName, bytes: Count, sha256: Hex })
const WeightsFile = v.strictObject({
  path: FileName,
  bytes: Count,
  sha256: Hex,
  chunkBytes: v.literal(CHUNK_BYTES),
  chunks: v.pipe(v.array(Hex), v.maxLength(65_536)),
})
const Files = v.strictObject({ graph: GraphFile, weights: WeightsFile })

const Input = v.strictObject({
  tensor: Name,
  dims: v.pipe(v.array(v.pipe(v.number(), v.integer(), v.minValue(1))), v.minLength(1), v.maxLength(8)),
  width: Side,
  height: Side,
  mean: v.pipe(v.array(Finite), v.minLength(1), v.maxLength(3)),
  std: v.pipe(v.array(Positive), v.minLength(1), v.maxLength(3)),
  resize: v.literal('cover'),
  channels: v.picklist(['RGB', 'BGR', 'L']),
})

const Trunk = v.strictObject({
  name: Name,
  output: Name,
  macs: Count,
  parameters: Count,
  bits: v.optional(v.picklist([32, 16, 8])),
  files: v.optional(Files),
  top1: v.optional(Share),
})

const Exit = v.strictObject({
  name: Name,
  from: Name,
  output: Name,
  macs: Count,
  branchMacs: Count,
  temperature: Positive,
  threshold: Share,
  top1: v.optional(Share),
})

const Variant = v.strictObject({
  name: Name,
  bits: v.picklist([32, 16, 8, 4]),
  bottleneck: v.optional(v.strictObject({ encoder: GraphFile, decoder: GraphFile })),
  bytes: Count,
  sentBytes: v.optional(Count),
  top1: v.optional(Share),
})

const PartitionPoint = v.strictObject({
  tensor: Name,
  dtype: Name,
  shape: v.pipe(v.array(Count), v.maxLength(8)),
  bytes: Count,
  macsBefore: Count,
  parametersBefore: Count,
  prefixDigest: Hex,
  variants: v.pipe(v.array(Variant), v.maxLength(64)),
})

const OperatingPoint = v.strictObject({
  thresholds: v.pipe(v.array(Share), v.maxLength(64)),
  top1: Share,
  accuracyLoss: Finite,
  exitShares: v.pipe(v.array(Share), v.maxLength(65)),
  meanMacs: v.pipe(Finite, v.minValue(0)),
})

/** The form of model.json; docs/model-package.md explains every field. Unknown keys are refused by name. */
export const ManifestSchema = v.strictObject({
  format: v.literal('roomful-model/1'),
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  version: v.pipe(v.string(), v.minLength(1), v.maxLength(40)),
  license: v.pipe(v.string(), v.minLength(1), v.maxLength(400)),
  digest: Hex,
  input: Input,
  labels: v.pipe(v.array(v.pipe(v.string(), v.maxLength(200))), v.maxLength(100_000)),
  files: Files,
  trunks: v.pipe(v.array(Trunk), v.minLength(1), v.maxLength(16)),
  exits: v.pipe(v.array(Exit), v.maxLength(64)),
  final: v.strictObject({ output: Name, temperature: Positive, top1: v.optional(Share) }),
  partitionPoints: v.pipe(v.array(PartitionPoint), v.maxLength(10_000)),
  operatingCurve: v.pipe(v.array(OperatingPoint), v.maxLength(1_000)),
  calibration: Json,
  measured: Json,
})

export type Manifest = v.InferOutput<typeof ManifestSchema>
export type ManifestFiles = Manifest['files']
export type ManifestExit = Manifest['exits'][number]
export type ManifestPartitionPoint = Manifest['partitionPoints'][number]
export type WireVariant = ManifestPartitionPoint['variants'][number]
export type OperatingPoint = Manifest['operatingCurve'][number]
