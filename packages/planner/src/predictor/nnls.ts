/**
 * Non-negative least squares: `min |A x - b|` with `x >= 0`, by the active-set method of Lawson and Hanson (1974,
 * chapter 23). `rows` of A are samples. No maintained library for it exists on npm; the problems here have at most two
 * dozen unknowns.
 */
export function nonNegativeLeastSquares(rows: readonly (readonly number[])[], wanted: readonly number[]): number[] {
  const unknowns = rows[0]?.length ?? 0
  const normal = Array.from({ length: unknowns }, () => new Array<number>(unknowns).fill(0))
  const target = new Array<number>(unknowns).fill(0)
  for (const [at, row] of rows.entries()) {
    for (let i = 0; i < unknowns; i++) {
      target[i] = num(target, i) + num(row, i) * num(wanted, at)
      for (let j = 0; j < unknowns; j++) (normal[i] as number[])[j] = num(normal[i], j) + num(row, i) * num(row, j)
    }
  }
  const passive = new Set<number>()
  let x = new Array<number>(unknowns).fill(0)
  const tolerance = 1e-10 * Math.max(1, ...target.map(Math.abs))
  for (let round = 0; round < 3 * unknowns; round++) {
    const gradient = x.map((_, i) => num(target, i) - x.reduce((sum, value, j) => sum + num(normal[i], j) * value, 0))
    let entering = -1
    for (let i = 0; i < unknowns; i++) {
      if (passive.has(i) || num(gradient, i) <= tolerance) continue
      if (entering < 0 || num(gradient, i) > num(gradient, entering)) entering = i
    }
    if (entering < 0) break
    passive.add(entering)
    for (;;) {
      const solved = solveOn([...passive], normal, target, unknowns)
      const negative = [...passive].filter((i) => num(solved, i) <= 0)
      if (negative.length === 0) {
        x = solved
        break
      }
      // Walk towards the solution until the first unknown reaches zero; it leaves the passive set.
      const step = Math.min(...negative.map((i) => num(x, i) / (num(x, i) - num(solved, i))))
      x = x.map((value, i) => value + step * (num(solved, i) - value))
      for (const i of negative) if (num(x, i) <= 1e-12 || step === 0) passive.delete(i)
      x = x.map((value, i) => (passive.has(i) ? value : 0))
      if (passive.size === 0) break
    }
  }
  return x
}

const num = (array: readonly number[] | undefined, at: number): number => array?.[at] ?? 0

/** Solves the normal equations on a subset of the unknowns by Gaussian elimination with a whisper of ridge. */
function solveOn(
  subset: readonly number[],
  normal: readonly (readonly number[])[],
  target: readonly number[],
  unknowns: number,
): number[] {
  const size = subset.length
  const matrix = subset.map((i) => [
    ...subset.map((j) => num(normal[i], j) + (i === j ? 1e-12 * num(normal[i], i) : 0)),
    num(target, i),
  ])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(num(matrix[row], column)) > Math.abs(num(matrix[pivot], column))) pivot = row
    }
    const held = matrix[column] as number[]
    matrix[column] = matrix[pivot] as number[]
    matrix[pivot] = held
    const lead = num(matrix[column], column)
    if (Math.abs(lead) < 1e-300) continue
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = num(matrix[row], column) / lead
      for (let k = column; k <= size; k++)
        (matrix[row] as number[])[k] = num(matrix[row], k) - factor * num(matrix[column], k)
    }
  }
  const out = new Array<number>(unknowns).fill(0)
  for (const [row, i] of subset.entries()) {
    const lead = num(matrix[row], row)
    out[i] = Math.abs(lead) < 1e-300 ? 0 : num(matrix[row], size) / lead
  }
  return out
}
