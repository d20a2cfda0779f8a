import type { DeviceId } from '@roomful/core'
import { elementCount, type FeatureMap, preprocess } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { mayProduce } from '../plan/routes.ts'
import type { FeatureCodec } from '../wire/feature-codec.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { FeatureHeader } from '../wire/request-links.ts'
import type { Target } from './active-request.ts'
import { type PreparedPlan, shardKey } from './prepared-plan.ts'

/**
 * Whether a feature map may come from that device, for those stages, with those rows, by that plan.
 * @throws RuntimeError `malformed`
 */
export function checkHeader(header: FeatureHeader, plan: PreparedPlan, from: DeviceId, self: DeviceId): void {
  const { volume, shards, exits, relay, initiator, rows } = header
  const mine =
    shards.every((shard) => plan.shards.has(shardKey(volume, shard))) &&
    exits.every((exit) => plan.exits.has(exit)) &&
    (relay !== true || plan.layout.initiator === self)
  const cut = plan.layout.cuts[volume]
  const rowsFit = rows === undefined || (cut?.height !== undefined && rows.end <= cut.height)
  if (initiator !== plan.layout.initiator || !mine || !rowsFit || !mayProduce(plan.layout, volume, from)) {
    throw new RuntimeError('malformed', `a feature map from ${from} does not fit plan ${header.planId}`)
  }
}

/** What of this device a feature map is for. */
export function targetsOf({ volume, shards, exits, relay }: FeatureHeader): Target[] {
  return [
    ...shards.map((shard): Target => ({ kind: 'shard', volume, shard })),
    ...exits.map((exit): Target => ({ kind: 'exit', volume, exit })),
    ...(relay === true ? [{ kind: 'relay', volume } satisfies Target] : []),
  ]
}

export interface DecodeInputOptions {
  readonly plan: PreparedPlan
  readonly header: FeatureHeader
  readonly blob: Uint8Array
  readonly codec: FeatureCodec
  readonly pictures: PictureCodec | undefined
  readonly maxPixels: number
  readonly signal: AbortSignal
}

/** The map in a message: a feature map in wire form, or a picture that becomes the model's input. */
export async function decodeInput(options: DecodeInputOptions): Promise<FeatureMap> {
  const { plan, header, blob, codec, pictures, maxPixels, signal } = options
  const { dims } = plan.layout.cuts[header.volume] ?? { dims: [] }
  const { encoding } = header
  if (encoding === 'feature') return codec.decode(blob, { maxElements: elementCount(dims) }, { signal })
  if (header.volume !== 0) throw new RuntimeError('malformed', 'a picture is the input of volume 0 only')
  const { spec } = plan.model.input
  if (pictures === undefined || spec === undefined) {
    throw new RuntimeError('bad-plan', `this device cannot decode ${encoding} pictures`)
  }
  const picture = await pictures.decode(blob, encoding, maxPixels, signal)
  return { dtype: 'float32', dims, data: preprocess(picture, spec) }
}
