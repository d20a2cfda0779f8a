/** One classifier's answer: the largest softmax probability of logits / temperature, and where it is. */
export interface Verdict {
  readonly label: number
  readonly confidence: number
}

/** @throws RangeError on empty logits */
export function verdict(logits: ArrayLike<number>, temperature: number): Verdict {
  if (logits.length === 0) throw new RangeError('a classifier without outputs')
  let label = 0
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[label] as number)) label = i
  const top = (logits[label] as number) / temperature
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] as number) / temperature - top)
  return { label, confidence: 1 / sum }
}

/** Index of the verdict that answers: the first exit at or over its threshold, else the last (the final classifier). */
export function leavesAt(verdicts: readonly Verdict[], thresholds: readonly number[]): number {
  for (const [i, threshold] of thresholds.entries()) {
    if ((verdicts[i]?.confidence ?? 0) >= threshold) return i
  }
  return verdicts.length - 1
}
