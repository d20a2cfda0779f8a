import type { Range } from '@roomful/core'
import { allocate, copyRun, elementCount, type FeatureMap } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'

interface Part {
  readonly rows: Range
  readonly map: FeatureMap
}

/**
 * Collects the rows of one stage's input from several producers. Parts may come in any order and may overlap (the first
 * to bring a row counts); `add` returns the input once its rows are complete, and never again.
 */
export class RowAssembler {
  readonly #dims: readonly number[]
  readonly #wanted: Range | undefined
  readonly #height: number
  readonly #parts: Part[] = []
  #done = false

  /**
   * @param dims shape of the whole tensor
   * @param wanted rows that the stage needs; undefined for the whole
   * @param height rows of the tensor; undefined when it always travels whole
   */
  constructor(dims: readonly number[], wanted: Range | undefined, height: number | undefined) {
    this.#dims = dims
    this.#height = height ?? 1
    this.#wanted = wanted
  }

  /** Bytes held while rows are missing. */
  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.map.data.byteLength, 0)
  }

  /** @throws RuntimeError `malformed` when the map does not have the shape that `rows` promise */
  add(map: FeatureMap, rows?: Range): FeatureMap | undefined {
    if (this.#done) return undefined
    const held = rows ?? { start: 0, end: this.#height }
    this.#check(map, held, rows === undefined)
    const wanted = this.#wanted ?? { start: 0, end: this.#height }
    if (held.start === wanted.start && held.end === wanted.end) return this.#finish(map)
    if (held.end <= wanted.start || held.start >= wanted.end) return undefined
    const first = this.#parts[0]
    if (first !== undefined && first.map.dtype !== map.dtype) {
      throw new RuntimeError('malformed', `rows came as ${map.dtype} and as ${first.map.dtype}`)
    }
    this.#parts.push({ rows: held, map })
    this.#parts.sort((a, b) => a.rows.start - b.rows.start)
    return this.#covers(wanted) ? this.#finish(joinRows(this.#parts, wanted)) : undefined
  }

  #finish(map: FeatureMap): FeatureMap {
    this.#done = true
    this.#parts.length = 0
    return map
  }

  #covers(wanted: Range): boolean {
    let row = wanted.start
    for (const { rows } of this.#parts) {
      if (rows.start > row) return false
      row = Math.max(row, rows.end)
    }
    return row >= wanted.end
  }

  #check(map: FeatureMap, rows: Range, whole: boolean): void {
    const dims = whole ? this.#dims : this.#dims.map((dim, axis) => (axis === 2 ? rows.end - rows.start : dim))
    const same = map.dims.length === dims.length && map.dims.every((dim, axis) => dim === dims[axis])
    if (!same || map.data.length !== elementCount(dims) || rows.start < 0 || rows.end > this.#height) {
      throw new RuntimeError('malformed', `a feature map of ${map.dims.join('x')} came for ${dims.join('x')}`)
    }
  }
}

/** Rows `wanted` of an NCHW tensor from parts that cover them, sorted by their first row. */
export function joinRows(parts: readonly Part[], wanted: Range): FeatureMap {
  const [first] = parts
  if (first === undefined) throw new RuntimeError('malformed', 'no rows to join')
  const { dims, dtype } = first.map
  const width = dims.slice(3).reduce((product, dim) => product * dim, 1)
  const planes = (dims[0] ?? 1) * (dims[1] ?? 1)
  const height = wanted.end - wanted.start
  const data = allocate(dtype, planes * height * width)
  let row = wanted.start
  for (const { rows, map } of parts) {
    const start = Math.max(row, rows.start)
    const end = Math.min(wanted.end, rows.end)
    if (end <= start) continue
    const heightHere = rows.end - rows.start
    for (let plane = 0; plane < planes; plane++) {
      const from = (plane * heightHere + start - rows.start) * width
      copyRun(data, (plane * height + start - wanted.start) * width, map.data, from, (end - start) * width)
    }
    row = end
  }
  return { dtype, dims: dims.map((dim, axis) => (axis === 2 ? height : dim)), data }
}
