import type { ConvShape, LayerShape } from '@roomful/core'
import { addFeatures, type Work } from './work.ts'

/** Columns that a matrix product computes at once. */
const BLOCK = 16
/** Weights of a dense layer that caches hold. */
const CACHED_WEIGHTS = 1e6

/** Adds one layer's work (see WORK_FEATURES) to `work` and returns it. */
export function addLayer(work: Work, layer: LayerShape): Work {
  addFeatures(work, 'node', [layer.kind === 'fused' ? 0 : 1])
  switch (layer.kind) {
    case 'conv':
      return addConv(work, layer)
    case 'dense': {
      const macs = layer.inputs * layer.outputs
      return addFeatures(work, 'dense', [macs, Math.max(0, macs - CACHED_WEIGHTS)])
    }
    case 'pool': {
      const { taps, stride, elements } = layer
      if (stride === 0) return addFeatures(work, 'pool', [0, 0, 0, elements * taps])
      const reads = elements * taps
      return addFeatures(work, 'pool', stride > 1 ? [0, reads, elements] : [reads, 0, elements])
    }
    default:
      return addFeatures(work, layer.kind, [layer.elements])
  }
}

function addConv(work: Work, layer: ConvShape): Work {
  const { inputChannels, outputChannels, groups, taps, stride, rows, columns } = layer
  const depth = (inputChannels / groups) * taps
  const pixels = rows * columns
  const columnsCopied = groups * depth * pixels
  const rowsCopied = groups * depth * rows
  const strided = stride > 1 ? columnsCopied : 0
  const macs = outputChannels * depth * pixels
  if (outputChannels === groups) return addFeatures(work, 'depthwise', [macs, rowsCopied, strided, groups])
  const padding = outputChannels * depth * (Math.ceil(pixels / BLOCK) * BLOCK - pixels)
  const outputs = outputChannels * pixels
  const direct = taps === 1 && stride === 1
  const copied = direct ? [0, 0, 0] : [columnsCopied, rowsCopied, strided]
  return addFeatures(work, 'conv', [macs, padding, outputs, ...copied])
}
