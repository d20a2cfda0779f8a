import { cp, mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type ModelGraph, writeModel } from '@roomful/graph'
import { NetBuilder } from '@roomful/graph/testing'
import { prepareModel, sha256 } from '@roomful/model'
import { type ManifestShape, type ModelShape, modelShape } from './plan-shapes.ts'

const SIDE = 64
const CHANNELS = 16
const CODE_CHANNELS = 4

export interface BottleneckPackage {
  readonly model: ModelShape
  /** The partition point that has the pair. */
  readonly cut: string
  /** Name of the pair. */
  readonly name: string
  /** Bytes of the code as fp32 and of the map that it stands for. */
  readonly codeBytes: number
  readonly mapBytes: number
}

/**
 * Writes a package with a generated encoder and decoder at its cut (16 channels travel as 4) into `folder`. Nothing is
 * learned: what counts is that every device computes the same with the pair in it.
 */
export async function writeBottleneckPackage(folder: string): Promise<BottleneckPackage> {
  const net = new NetBuilder({ seed: 3 })
  const stem = net.relu(net.conv(net.input('x', [1, 3, SIDE, SIDE]), { out: CHANNELS, kernel: 3, stride: 2, pads: 1 }))
  const cut = net.relu(net.conv(stem, { out: CHANNELS, kernel: 3, pads: 1 }))
  const body = net.relu(net.conv(cut, { out: 32, kernel: 3, stride: 2, pads: 1 }))
  net.output(net.gemm(net.reshape(net.globalAveragePool(body), [1, 32]), 10))
  const prepared = await prepareModel(net.graph(), { name: 'bottleneck' })
  const pair = {
    encoder: half(CHANNELS, CODE_CHANNELS, 11),
    decoder: half(CODE_CHANNELS, CHANNELS, 12),
  }
  const files = {
    'graph.onnx': prepared.graphBytes,
    'weights.bin': prepared.weightsBytes,
    'encoder.onnx': writeModel(pair.encoder).model,
    'decoder.onnx': writeModel(pair.decoder).model,
  }
  const file = async (name: 'encoder.onnx' | 'decoder.onnx') => {
    return { path: name, bytes: files[name].length, sha256: await sha256(files[name]) }
  }
  const name = 'squeeze'
  const bottleneck = { encoder: await file('encoder.onnx'), decoder: await file('decoder.onnx') }
  const pixels = (SIDE / 2) ** 2
  const variant = { name, bits: 32, bottleneck, bytes: CODE_CHANNELS * pixels * 4 }
  const partitionPoints = prepared.manifest.partitionPoints.map((point) =>
    point.tensor === cut ? { ...point, variants: [...point.variants, variant] } : point,
  )
  const manifest = { ...prepared.manifest, partitionPoints }
  await mkdir(folder, { recursive: true })
  for (const [each, bytes] of Object.entries(files)) await writeFile(path.join(folder, each), bytes)
  await writeFile(path.join(folder, 'model.json'), JSON.stringify(manifest))
  const model = modelShape(manifest as ManifestShape)
  return { model, cut, name, codeBytes: variant.bytes, mapBytes: CHANNELS * pixels * 4 }
}

/** A copy of the built page in `folder` whose `models` folder can take more packages; the shipped ones are linked. */
export async function pageWithOwnModels(built: string, folder: string): Promise<void> {
  await cp(built, folder, { recursive: true, filter: (source) => source !== path.join(built, 'models') })
  await mkdir(path.join(folder, 'models'), { recursive: true })
  for (const name of ['imagenette', 'handsigns']) {
    await symlink(path.join(built, 'models', name), path.join(folder, 'models', name))
  }
}

function half(from: number, to: number, seed: number): ModelGraph {
  const net = new NetBuilder({ seed })
  net.output(net.conv(net.input(`in${seed}`, [1, from, SIDE / 2, SIDE / 2]), { out: to, kernel: 1 }))
  return net.graph()
}
