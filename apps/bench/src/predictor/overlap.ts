import type { LayerShape } from '@roomful/core'
import type { LayerSample } from '@roomful/planner'
import { GraphLayers } from '@roomful/planner'
import type { EvaluatedModel } from './models.ts'

/** Convolutions and dense layers that were timed for the fit and that an evaluated network has in the very same shape. */
export function commonLayers(samples: readonly LayerSample[], models: readonly EvaluatedModel[]): string[] {
  const timed = new Set(samples.flatMap(({ layers }) => layers.flatMap(keyOf)))
  const common = models.flatMap(({ name, analysis }) => {
    const layers = [...new GraphLayers(analysis).of(analysis.nodes).values()]
    return layers.flatMap(keyOf).flatMap((key) => (timed.has(key) ? [`${name}: ${key}`] : []))
  })
  return [...new Set(common)]
}

function keyOf(layer: LayerShape): string[] {
  if (layer.kind === 'dense') return [`dense ${layer.inputs} -> ${layer.outputs}`]
  if (layer.kind !== 'conv') return []
  const { inputChannels, outputChannels, groups, taps, stride, rows, columns } = layer
  return [
    `conv ${inputChannels} -> ${outputChannels}, ${groups} groups, ${Math.round(taps)} taps, stride ${stride}, ${rows} x ${columns}`,
  ]
}
