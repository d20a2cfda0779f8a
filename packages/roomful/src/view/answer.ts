import type { AnswerView } from '../snapshot.ts'

const SHOWN = 5

/** An answer in words; classes without a label are numbered. */
export function answerView(
  result: { readonly labelIndex: number; readonly confidence: number; readonly probabilities: Float32Array },
  labels: readonly string[],
): AnswerView {
  const name = (index: number) => labels[index] ?? `class ${index}`
  const order = [...result.probabilities.keys()].sort(
    (a, b) => (result.probabilities[b] ?? 0) - (result.probabilities[a] ?? 0),
  )
  return {
    label: name(result.labelIndex),
    index: result.labelIndex,
    confidence: result.confidence,
    top: order.slice(0, SHOWN).map((index) => ({ label: name(index), probability: result.probabilities[index] ?? 0 })),
  }
}
