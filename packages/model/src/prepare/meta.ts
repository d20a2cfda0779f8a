import * as v from 'valibot'
import { ModelError } from '../error.ts'

const Numbers = v.array(v.pipe(v.number(), v.finite()))
const Positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const Text = v.pipe(
  v.union([v.string(), v.number()]),
  v.transform((value) => String(value)),
)
/** Calibration writes thresholds above 1 for exits that should never answer; 1 is the most that a plan can say. */
const Threshold = v.pipe(
  v.number(),
  v.minValue(0),
  v.transform((value) => Math.min(1, value)),
)
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const MetaSchema = v.object({
  name: v.optional(v.string()),
  version: v.optional(Text),
  license: v.optional(v.string()),
  input: v.optional(
    v.object({
      tensor: v.optional(v.string()),
      width: v.optional(v.number()),
      height: v.optional(v.number()),
      channels: v.optional(v.picklist(['RGB', 'BGR', 'L'])),
      layout: v.optional(v.literal('NCHW')),
      mean: v.optional(Numbers),
      std: v.optional(v.array(Positive)),
      resize: v.optional(v.literal('cover')),
    }),
  ),
  labels: v.optional(v.array(v.string())),
  exits: v.optional(
    v.array(
      v.object({
        name: v.string(),
        from: v.string(),
        output: v.string(),
        temperature: v.optional(Positive, 1),
        threshold: Threshold,
        top1: v.optional(Share),
      }),
    ),
  ),
  final: v.optional(
    v.object({ output: v.optional(v.string()), temperature: v.optional(Positive, 1), top1: v.optional(Share) }),
  ),
  confidence: v.optional(v.literal('max-softmax')),
  operatingCurve: v.optional(
    v.array(
      v.object({
        thresholds: v.array(Threshold),
        top1: Share,
        accuracyLoss: v.number(),
        exitShares: v.array(Share),
        meanMacs: v.number(),
      }),
    ),
  ),
  calibration: v.optional(v.record(v.string(), v.unknown())),
  measured: v.optional(v.record(v.string(), v.unknown())),
})

/**
 * What a graph does not say about itself: how a picture becomes its input, its labels, exits and calibration. The training
 * pipeline writes it as NAME.meta.json. Every part may be absent.
 */
export type ModelMeta = v.InferInput<typeof MetaSchema>
export type CheckedMeta = v.InferOutput<typeof MetaSchema>

/** @throws ModelError `bad-meta`, naming the key */
export function checkMeta(value: unknown): CheckedMeta {
  const parsed = v.safeParse(MetaSchema, value)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new ModelError('bad-meta', `meta: ${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`)
}
