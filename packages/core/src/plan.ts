import * as v from 'valibot'
import { ReasonedError } from './error.ts'
import type { DeviceId, ExitName, ModelDigest, TensorName, TrunkName } from './ids.ts'

/**
 * What executes a stage on a device. `ort-*` is onnxruntime-web, `tfjs-*` is TensorFlow.js, `ort-node` is
 * onnxruntime-node on the command line.
 */
export const BACKENDS = ['ort-wasm', 'tfjs-wasm', 'ort-webgpu', 'tfjs-webgpu', 'tfjs-webgl', 'ort-node'] as const
export type Backend = (typeof BACKENDS)[number]

/** Half-open range `[start, end)`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** How a feature map travels. `bottleneck` names a learned encoder/decoder pair of the partition point. */
export interface WireFormat {
  readonly bits: 32 | 16 | 8 | 4
  readonly bottleneck?: string
  readonly entropy: 'none' | 'deflate'
}

/** The rows of a volume's output that one device computes; no `rows` means the whole. */
export interface Shard {
  readonly device: DeviceId
  readonly backend: Backend
  readonly rows?: Range
}

/**
 * Consecutive layers run without exchange: from tensor `from` (exclusive) to tensor `to` (inclusive). `wire` says how
 * `to` travels to the next volume's devices; `route: 'leader'` sends it through the initiator (MoDNN), `peer` directly.
 */
export interface LayerVolume {
  readonly from: TensorName
  readonly to: TensorName
  readonly shards: readonly Shard[]
  readonly wire: WireFormat
  readonly route: 'peer' | 'leader'
}

/**
 * Where an exit is evaluated. It hangs on the output of the volume that ends at the exit's tensor. `race`: the trunk goes
 * on meanwhile; `wait`: the trunk waits for the exit's verdict.
 */
export interface ExitPlacement {
  readonly exit: ExitName
  readonly device: DeviceId
  readonly backend: Backend
  /** Confidence (largest softmax probability after temperature, 0..1) at which the exit answers. */
  readonly threshold: number
  readonly mode: 'race' | 'wait'
}

/**
 * Quality of a picture that says none, 0..1 as a canvas takes it. At 0.6 a JPEG of 160 x 160 takes 4.5 KB instead of 7.2 at 0.85: four or five
 * datagrams instead of seven, each of which costs a weak device a millisecond. docs/planner.md has what it costs in accuracy. [ours]
 */
export const PICTURE_QUALITY = 0.6

/**
 * What leaves the initiator when its first volume runs elsewhere. `quality` 0..1 for jpeg and webp. `bits` for the tensor:
 * with 8 it travels in 256 levels per channel, which for pixels is at most half a level off; default 32, exact.
 */
export interface PictureFormat {
  readonly kind: 'tensor' | 'jpeg' | 'webp'
  readonly quality?: number
  readonly bits?: 8
}

/** What the planner expects of a plan; milliseconds and bytes per request. */
export interface Prediction {
  /** Expected time to the answer, exits included: `sum p_i c_i`. */
  readonly latencyMs: number
  /** Time when no exit fires; with an exit at threshold 0, which answers everything, that exit's time. */
  readonly fullMs: number
  /** Requests per second with the pipeline full. */
  readonly throughputPerSecond: number
  /** Bytes over links for a request that leaves at no exit. */
  readonly bytes: number
}

/** The one form of every method; see DESIGN. Volumes are consecutive; the last one's `to` is the trunk's output. */
export interface Plan {
  readonly model: ModelDigest
  readonly trunk: TrunkName
  readonly input: PictureFormat
  readonly volumes: readonly LayerVolume[]
  readonly exits: readonly ExitPlacement[]
  readonly predicted: Prediction
  readonly method: string
}

/** Throughput by whole frames: each plan takes its share (0..1) of the frames. */
export type Schedule = readonly { readonly plan: Plan; readonly share: number }[]

export class PlanError extends ReasonedError<'malformed' | 'inconsistent'> {
  override readonly name = 'PlanError'
}

const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
const Finite = v.pipe(v.number(), v.finite(), v.minValue(0))
const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(512))
const BackendSchema = v.picklist(BACKENDS)
const WireSchema = v.strictObject({
  bits: v.picklist([32, 16, 8, 4]),
  bottleneck: v.optional(Name),
  entropy: v.picklist(['none', 'deflate']),
})
const ShardSchema = v.strictObject({
  device: Name,
  backend: BackendSchema,
  rows: v.optional(v.strictObject({ start: Count, end: Count })),
})
const PlanSchema = v.strictObject({
  model: Name,
  trunk: Name,
  input: v.strictObject({
    kind: v.picklist(['tensor', 'jpeg', 'webp']),
    quality: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
    bits: v.optional(v.literal(8)),
  }),
  volumes: v.pipe(
    v.array(
      v.strictObject({
        from: Name,
        to: Name,
        shards: v.pipe(v.array(ShardSchema), v.minLength(1), v.maxLength(64)),
        wire: WireSchema,
        route: v.picklist(['peer', 'leader']),
      }),
    ),
    v.minLength(1),
    v.maxLength(256),
  ),
  exits: v.pipe(
    v.array(
      v.strictObject({
        exit: Name,
        device: Name,
        backend: BackendSchema,
        threshold: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
        mode: v.picklist(['race', 'wait']),
      }),
    ),
    v.maxLength(64),
  ),
  predicted: v.strictObject({ latencyMs: Finite, fullMs: Finite, throughputPerSecond: Finite, bytes: Finite }),
  method: Name,
})

/**
 * A plan from untrusted data (a peer, a file). Checks form, that volumes are consecutive and that each volume's shards
 * are disjoint, without gaps, and start at row 0; they come out in the order of their rows, and those without rows are left
 * out. Whether they cover all rows needs the graph: the runtime checks it when it prepares.
 * @throws PlanError `malformed` (wrong form) or `inconsistent` (form right, meaning wrong)
 */
export function checkPlan(value: unknown): Plan {
  const parsed = v.safeParse(PlanSchema, value)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    throw new PlanError('malformed', `plan: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`)
  }
  const read = parsed.output as unknown as Plan
  const plan = { ...read, volumes: read.volumes.map((volume) => ({ ...volume, shards: inOrder(volume.shards) })) }
  for (const [index, volume] of plan.volumes.entries()) {
    const previous = plan.volumes[index - 1]
    if (previous !== undefined && previous.to !== volume.from) {
      throw new PlanError('inconsistent', `plan: volume ${index} starts at ${volume.from}, not at ${previous.to}`)
    }
    checkShards(volume, index)
  }
  return plan
}

/** Parts of a schedule; a room has fewer devices. */
const MAX_PARTS = 32

/** A Plan, or a schedule of at most 32 whose shares are positive. @throws PlanError */
export function checkSchedule(value: unknown): Plan | Schedule {
  if (!Array.isArray(value)) return checkPlan(value)
  if (value.length < 1 || value.length > MAX_PARTS) {
    throw new PlanError('malformed', `schedule: ${value.length} parts; 1 to ${MAX_PARTS} are allowed`)
  }
  return value.map((part: { readonly plan?: unknown; readonly share?: unknown } | null, index) => {
    const share = part?.share
    if (typeof share !== 'number' || !(share > 0 && share <= 1)) {
      throw new PlanError('malformed', `schedule: the share of part ${index} must lie within 0 and 1`)
    }
    return { plan: checkPlan(part?.plan), share }
  })
}

/** Two cuts at one row leave a device nothing to do. */
function inOrder(shards: readonly Shard[]): readonly Shard[] {
  const first = ({ rows }: Shard) => rows?.start ?? 0
  return shards
    .filter(({ rows }) => rows === undefined || rows.start !== rows.end)
    .toSorted((a, b) => first(a) - first(b))
}

function checkShards(volume: LayerVolume, index: number): void {
  const [first] = volume.shards
  if (volume.shards.length === 1 && first !== undefined && first.rows === undefined) return
  if (first === undefined) throw new PlanError('inconsistent', `plan: the shards of volume ${index} have no rows`)
  let row = 0
  for (const { rows } of volume.shards) {
    if (rows === undefined || rows.start !== row || rows.end <= rows.start) {
      throw new PlanError('inconsistent', `plan: the shards of volume ${index} must be consecutive rows from 0`)
    }
    row = rows.end
  }
}

/** Every device that a plan names, each once, in order of first use. */
export function planDevices(plan: Plan): DeviceId[] {
  const devices = new Set<DeviceId>()
  for (const volume of plan.volumes) for (const shard of volume.shards) devices.add(shard.device)
  for (const exit of plan.exits) devices.add(exit.device)
  return [...devices]
}
