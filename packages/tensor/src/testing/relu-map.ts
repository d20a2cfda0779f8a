import { gaussian, type Random } from '@roomful/core'
import { elementCount, type FeatureMap } from '../feature-map.ts'

/**
 * A map that looks like a trained net's after a ReLU: smooth within a channel (a coarse random field, interpolated, plus
 * noise), channels of different scale, about half of the values 0. For tests and benchmarks.
 */
export function reluMap(dims: readonly number[], random: Random): FeatureMap<'float32'> {
  const [samples = 1, channels = 1, height = 1, width = 1] = dims
  const data = new Float32Array(elementCount(dims))
  const cell = 4
  const columns = Math.ceil(width / cell) + 2
  for (let plane = 0; plane < samples * channels; plane++) {
    const scale = Math.exp(gaussian(random))
    const shift = 0.5 * gaussian(random)
    const field = Array.from({ length: (Math.ceil(height / cell) + 2) * columns }, () => gaussian(random))
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = Math.floor(y / cell) * columns + Math.floor(x / cell)
        const [fy, fx] = [(y % cell) / cell, (x % cell) / cell]
        const top = (field[at] ?? 0) * (1 - fx) + (field[at + 1] ?? 0) * fx
        const bottom = (field[at + columns] ?? 0) * (1 - fx) + (field[at + columns + 1] ?? 0) * fx
        const value = scale * (top * (1 - fy) + bottom * fy + shift + 0.3 * gaussian(random))
        data[(plane * height + y) * width + x] = Math.max(0, value)
      }
    }
  }
  return { dtype: 'float32', dims, data }
}
