/** Fewer values say too little about how far they lie apart. */
const FEWEST = 4

/**
 * Noisy values that may be of one kind, each drawn toward their mean by as much as chance alone would make them differ: of several equal
 * devices the one that looks fastest is most likely lucky, and a plan that is made for it is predicted too fast. Values that lie far apart
 * stay as they are, and none moves by more than its noise, so that one of another kind among many equal ones is not taken for one of them.
 * (James and Stein's estimator toward the mean, its positive part, of limited translation: Efron and Morris, Limiting the Risk of Bayes
 * and Empirical Bayes Estimators, 1972.)
 *
 * @param noise standard deviation of each value's error
 */
export function drawnTogether(values: readonly number[], noise: number): readonly number[] {
  if (values.length < FEWEST) return values
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const drawn = spread > 0 ? Math.min(1, ((values.length - 3) * noise ** 2) / spread) : 0
  return values.map((value) => value - Math.max(-noise, Math.min(noise, drawn * (value - mean))))
}
