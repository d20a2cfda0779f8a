import type { ManifestPartitionPoint, ModelPackage, WireVariant } from '@roomful/model'
import { decodeFeatureSync, encodedBytes, encodeFeatureSync, type FeatureMap } from '@roomful/tensor'
import { CommandError } from '../command.ts'
import { NodeSession } from '../ort/session.ts'
import { runStage, type Stage } from './stages.ts'

/** A wire variant under test at a partition point. */
export interface WireTest {
  readonly key: string
  readonly point: ManifestPartitionPoint
  readonly variant: WireVariant
  /** A learned bottleneck's two halves; both take one tensor and give one. */
  readonly bottleneck?: { readonly encoder: NodeSession; readonly decoder: NodeSession }
}

/** One row of `evaluate`'s `wire`, without the accuracy. */
export interface WireRow {
  readonly partitionPoint: string
  readonly macsBefore: number
  readonly variant: string
  readonly bits: number
  readonly bytes: number
  /** Mean size as it was encoded: the codec leaves zeros out. */
  readonly sentBytes: number
}

/** Tests with the sessions that they hold. */
export interface WireTests extends AsyncDisposable {
  readonly all: readonly WireTest[]
}

/** The tests that `variants` asks for, in the order of the network. */
export async function loadWireTests(model: ModelPackage, variants: 'all' | readonly string[]): Promise<WireTests> {
  const tests: WireTest[] = []
  for (const point of model.manifest.partitionPoints) {
    for (const variant of point.variants) {
      if (variants !== 'all' && !variants.includes(variant.name)) continue
      const key = `wire ${point.tensor} ${variant.name}`
      if (variant.bottleneck === undefined) {
        tests.push({ key, point, variant })
        continue
      }
      const encoder = await NodeSession.create(await model.file(variant.bottleneck.encoder), { optimise: true })
      const decoder = await NodeSession.create(await model.file(variant.bottleneck.decoder), { optimise: true })
      tests.push({ key, point, variant, bottleneck: { encoder, decoder } })
    }
  }
  return {
    all: tests,
    async [Symbol.asyncDispose]() {
      for (const { bottleneck } of tests) {
        await bottleneck?.encoder[Symbol.asyncDispose]()
        await bottleneck?.decoder[Symbol.asyncDispose]()
      }
    },
  }
}

/** What arrives at the other end when `map` travels as the test says; `onSent` hears how many bytes that took. */
export async function travel(
  test: WireTest,
  map: FeatureMap,
  onSent: (bytes: number) => void = () => {},
): Promise<FeatureMap> {
  const { variant, bottleneck } = test
  const code = bottleneck === undefined ? map : await runOnly(bottleneck.encoder, map)
  const bytes = encodeFeatureSync(code, variant.bits)
  onSent(bytes.length)
  const arrived = decodeFeatureSync(bytes)
  return bottleneck === undefined ? arrived : runOnly(bottleneck.decoder, arrived)
}

/** The trunk's logits when the map at the test's point has travelled. `after`: the trunk's stages behind that point. */
export async function logitsAfter(
  test: WireTest,
  map: FeatureMap,
  after: readonly Stage[],
  onSent?: (bytes: number) => void,
): Promise<FeatureMap> {
  let arrived = await travel(test, map, onSent)
  for (const stage of after) arrived = await runStage(stage, arrived)
  return arrived
}

export function wireRow({ point, variant }: WireTest, sentBytes: number): WireRow {
  const bytes = variant.bottleneck === undefined ? encodedBytes('float32', point.shape, variant.bits) : variant.bytes
  const { tensor: partitionPoint, macsBefore } = point
  return { partitionPoint, macsBefore, variant: variant.name, bits: variant.bits, bytes, sentBytes }
}

async function runOnly(session: NodeSession, map: FeatureMap): Promise<FeatureMap> {
  const [input] = session.inputs
  const [output] = session.outputs
  if (input === undefined || output === undefined || session.inputs.length + session.outputs.length !== 2) {
    throw new CommandError('input', 'a bottleneck half takes one tensor and gives one')
  }
  const result = (await session.run({ [input]: map }))[output]
  if (result === undefined) throw new CommandError('check', `the bottleneck gave no ${output}`)
  return result
}
