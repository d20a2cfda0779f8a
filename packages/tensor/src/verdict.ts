import type { FeatureMap } from './feature-map.ts'

export interface Verdict {
  readonly labelIndex: number
  /** Largest probability, 0..1. */
  readonly confidence: number
  readonly probabilities: Float32Array
}

/**
 * Calibrated softmax of the logits: `softmax(logits / temperature)` (temperature scaling, Guo et al. 2017), in float64 so
 * that every device reaches the same verdict from the same logits.
 */
export function verdictOf(logits: FeatureMap, temperature: number): Verdict {
  const count = logits.data.length
  const scaled = new Float64Array(count)
  let labelIndex = 0
  for (let i = 0; i < count; i++) {
    scaled[i] = Number(logits.data[i]) / temperature
    if ((scaled[i] as number) > (scaled[labelIndex] as number)) labelIndex = i
  }
  const top = scaled[labelIndex] ?? 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    const e = Math.exp((scaled[i] as number) - top)
    scaled[i] = e
    sum += e
  }
  const probabilities = Float32Array.from(scaled, (e) => e / sum)
  return { labelIndex, confidence: count === 0 ? 0 : 1 / sum, probabilities }
}
