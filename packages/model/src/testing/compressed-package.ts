import { NetBuilder } from '@roomful/graph/testing'
import { sha256 } from '../digest.ts'
import { manifestText } from '../manifest/check.ts'
import type { Manifest } from '../manifest/schema.ts'
import { prepareModel } from '../prepare/prepare.ts'

/** Top-1 that the package states; nothing is trained. */
export const STATED = { main: 0.92, slim: 0.912, narrow: 0.916, int8: 0.92, int4: 0.918 } as const

/**
 * A package with everything that compression can make of a network: three blocks (3x3, then 1x1 back to 32 channels) of 96
 * channels inside; a trunk `slim` of 24, so that its maps between the blocks keep their shapes; and behind the stem a
 * bottleneck `narrow` of 2 channels in 8 bits. Accuracies are stated (`STATED`), not measured.
 * @returns its files by name
 */
export async function compressedPackage(): Promise<ReadonlyMap<string, Uint8Array>> {
  const main = await prepareModel(net(96), { name: 'compressed', labels: Array.from({ length: 10 }, (_, i) => `${i}`) })
  const slim = await prepareModel(net(24))
  const point = main.manifest.partitionPoints.find(({ shape, variants }) => shape[1] === 32 && variants.length > 0)
  if (point === undefined) throw new RangeError('the net has no stem')
  const [encoder, decoder] = [half(point.shape, 2), half([1, 2, ...point.shape.slice(2)], 32)]
  const files = new Map([
    ['graph.onnx', main.graphBytes],
    ['weights.bin', main.weightsBytes],
    ['slim-graph.onnx', slim.graphBytes],
    ['slim-weights.bin', slim.weightsBytes],
    ['narrow-encoder.onnx', encoder],
    ['narrow-decoder.onnx', decoder],
  ])
  const described = async (path: string, bytes: Uint8Array) => ({
    path,
    bytes: bytes.length,
    sha256: await sha256(bytes),
  })
  const narrow = {
    name: 'narrow',
    bits: 8 as const,
    bytes: point.shape.slice(2).reduce((product, size) => product * size, 2),
    top1: STATED.narrow,
    bottleneck: {
      encoder: await described('narrow-encoder.onnx', encoder),
      decoder: await described('narrow-decoder.onnx', decoder),
    },
  }
  const [mainTrunk] = main.manifest.trunks
  const [slimTrunk] = slim.manifest.trunks
  if (mainTrunk === undefined || slimTrunk === undefined) throw new RangeError('a package has a trunk')
  const { graph, weights } = slim.manifest.files
  const manifest: Manifest = {
    ...main.manifest,
    final: { ...main.manifest.final, top1: STATED.main },
    trunks: [
      { ...mainTrunk, top1: STATED.main },
      {
        ...slimTrunk,
        name: 'slim',
        top1: STATED.slim,
        files: { graph: { ...graph, path: 'slim-graph.onnx' }, weights: { ...weights, path: 'slim-weights.bin' } },
      },
    ],
    partitionPoints: main.manifest.partitionPoints.map((each) => ({
      ...each,
      variants: [
        ...each.variants.map((variant) => {
          const { name } = variant
          return name === 'int8' || name === 'int4' ? { ...variant, top1: STATED[name] } : variant
        }),
        ...(each === point ? [narrow] : []),
      ],
    })),
  }
  return files.set('model.json', new TextEncoder().encode(manifestText(manifest)))
}

function net(inner: number): Uint8Array {
  const builder = new NetBuilder()
  let x = builder.input('input', [1, 3, 64, 64])
  x = builder.relu(builder.conv(x, { out: 32, kernel: 3, stride: 2 }))
  for (let block = 0; block < 3; block++) {
    x = builder.relu(builder.conv(x, { out: inner, kernel: 3 }))
    x = builder.relu(builder.conv(x, { out: 32, kernel: 1 }))
  }
  x = builder.gemm(builder.reshape(builder.globalAveragePool(x), [1, 32]), 10)
  return builder.output(x).bytes()
}

/** One half of a bottleneck: a 1x1 convolution to so many channels. */
function half(shape: readonly number[], out: number): Uint8Array {
  const builder = new NetBuilder()
  return builder.output(builder.relu(builder.conv(builder.input('map', shape), { out, kernel: 1 }))).bytes()
}
