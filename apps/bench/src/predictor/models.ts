import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { TensorName } from '@roomful/core'
import { analyse, type GraphAnalysis, loadWeights, type ModelGraph, readModel } from '@roomful/graph'
import { materialise } from '@roomful/graph/testing'
import { parseManifest } from '@roomful/model'
import { type PlannableModel, plannableModel } from '@roomful/planner'

/** A network to be predicted and measured. */
export interface EvaluatedModel {
  readonly name: string
  readonly analysis: GraphAnalysis
  readonly plannable: PlannableModel
  readonly input: TensorName
}

export type LoadedModel = EvaluatedModel | { readonly name: string; readonly skipped: string }

/** Where the models lie: packages of this repository, ONNX files beside it. */
export interface ModelFolders {
  readonly packages: string
  readonly files: string
}

const PACKAGES = ['imagenette', 'handsigns'] as const
const FILES = [
  'mobilenetv2_fp32_deq.onnx',
  'onnc_resnet20.onnx',
  'minifasnet_v2.onnx',
  'fastestdet.onnx',
  'mnist.onnx',
] as const
/** Real topologies whose weights are made up here. */
const LIGHT = ['light_squeezenet.onnx', 'light_inception_v1.onnx', 'light_resnet50.onnx'] as const
/** ... and those of which one run takes longer than a second. */
const HEAVY = ['light_bvlc_alexnet.onnx', 'light_vgg19.onnx'] as const

/** The models by name, in the order in which they are reported; loaded one by one. */
export function evaluatedModels(
  folders: ModelFolders,
  heavy: boolean,
): (readonly [string, () => Promise<LoadedModel>])[] {
  const file = (name: string) => path.join(folders.files, name)
  return [
    ...PACKAGES.map((name) => [name, () => packaged(name, path.join(folders.packages, name))] as const),
    ...FILES.map((name) => [stem(name), async () => fromFile(stem(name), file(name))] as const),
    ...[...LIGHT, ...(heavy ? HEAVY : [])].map(
      (name) => [stem(name), async () => fromFile(stem(name), file(path.join('light', name)), materialise)] as const,
    ),
  ]
}

const stem = (file: string): string => file.replace(/^light_|\.onnx$/g, '')

async function packaged(name: string, folder: string): Promise<LoadedModel> {
  const manifestFile = path.join(folder, 'model.json')
  if (!existsSync(manifestFile)) return { name, skipped: `${name}: no package in public/models` }
  const manifest = await parseManifest(new Uint8Array(readFileSync(manifestFile)))
  const graph = readModel(new Uint8Array(readFileSync(path.join(folder, manifest.files.graph.path))))
  const weights = new Uint8Array(readFileSync(path.join(folder, manifest.files.weights.path)))
  const analysis = analyse(loadWeights(graph, ({ offset, length }) => weights.subarray(offset, offset + length)))
  return evaluated(name, analysis, plannableModel(analysis, { manifest }))
}

function fromFile(name: string, file: string, fill = (graph: ModelGraph) => graph): LoadedModel {
  if (!existsSync(file)) return { name, skipped: `${name}: ../shared/models is not there` }
  const analysis = analyse(fill(readModel(new Uint8Array(readFileSync(file)))))
  return evaluated(name, analysis, plannableModel(analysis))
}

function evaluated(name: string, analysis: GraphAnalysis, plannable: PlannableModel): LoadedModel {
  const [input] = plannable.points
  if (input === undefined) return { name, skipped: `${name}: it has no partition point` }
  return { name, analysis, plannable, input: input.tensor }
}
