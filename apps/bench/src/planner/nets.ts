import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { analyse, readModel } from '@roomful/graph'
import { type PlannableModel, plannableModel, vggModel } from '@roomful/planner'

/** Graphs of the comparison beside the VGGs, which are built in; paths relative to the folder of public models. */
const GRAPHS: readonly (readonly [string, string])[] = [
  ['ResNet-50', 'light/light_resnet50.onnx'],
  ['Inception-v1', 'light/light_inception_v1.onnx'],
  ['SqueezeNet', 'light/light_squeezenet.onnx'],
  ['MobileNetV2', 'mobilenetv2_fp32_deq.onnx'],
]

export interface Net {
  readonly name: string
  readonly model: PlannableModel
}

/** The nets that are present, and the names of those whose files are not. */
export function loadNets(folder: string): { readonly nets: readonly Net[]; readonly absent: readonly string[] } {
  const nets: Net[] = [
    { name: 'VGG-16', model: vggModel('vgg16') },
    { name: 'VGG-19', model: vggModel('vgg19') },
  ]
  const absent: string[] = []
  for (const [name, file] of GRAPHS) {
    const at = path.join(folder, file)
    if (existsSync(at)) nets.push({ name, model: plannableModel(analyse(readModel(readFileSync(at)))) })
    else absent.push(name)
  }
  return { nets, absent }
}
