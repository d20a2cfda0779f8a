import type { GraphAnalysis } from '@roomful/graph'
import { ModelError } from '../error.ts'
import type { Manifest } from '../manifest/schema.ts'
import type { CheckedMeta } from './meta.ts'

/** Per-channel statistics of ImageNet in RGB on the 0..1 scale: what most public classifiers were trained with. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

/**
 * The manifest's input from the graph's only input, which must be one picture `[1, 1 or 3, height, width]`.
 * @throws ModelError `bad-meta`
 */
export function inputOf(analysis: GraphAnalysis, meta: CheckedMeta): Manifest['input'] {
  const { inputs } = analysis.graph
  const name = meta.input?.tensor ?? inputs[0]?.name
  if (name === undefined || inputs.length !== 1 || name !== inputs[0]?.name) {
    const names = inputs.map((input) => input.name).join(', ')
    throw new ModelError('bad-meta', `a picture model has one input; this graph has ${inputs.length} (${names})`)
  }
  const dims = analysis.tensors.get(name)?.shape
  if (dims === undefined) {
    throw new ModelError('bad-meta', `input ${name} has symbolic sizes: give --input-shape, for example 1,3,224,224`)
  }
  const [batch, channels, height, width] = dims
  if (dims.length !== 4 || batch !== 1 || (channels !== 3 && channels !== 1) || !height || !width) {
    throw new ModelError('bad-meta', `input ${name} [${dims.join(', ')}] is no picture [1, 3, height, width]`)
  }
  const told = meta.input
  if ((told?.width ?? width) !== width || (told?.height ?? height) !== height) {
    throw new ModelError(
      'bad-meta',
      `meta: input is ${told?.width}x${told?.height}, the graph takes ${width}x${height}`,
    )
  }
  const order = told?.channels ?? (channels === 1 ? 'L' : 'RGB')
  const fallback = channels === 1 ? { mean: [0], std: [1] } : IMAGENET
  const mean = told?.mean ?? fallback.mean
  const std = told?.std ?? fallback.std
  if ((order === 'L') !== (channels === 1) || mean.length !== channels || std.length !== channels) {
    throw new ModelError(
      'bad-meta',
      `meta: ${order}, ${mean.length} means and ${std.length} deviations for ${channels} channels`,
    )
  }
  return { tensor: name, dims: [...dims], width, height, mean, std, resize: 'cover', channels: order }
}
