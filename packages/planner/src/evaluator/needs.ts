import { type PlannableModel, pointAt, segmentAt } from '../model/plannable.ts'

/** Per row of a volume's output the first row of its input that rows from there on need, and the end of what rows up to there need. */
export interface VolumeNeeds {
  readonly start: Int32Array
  readonly end: Int32Array
}

/** The input rows of volumes, each worked out once through all its segments. */
export class Needs {
  readonly #model: PlannableModel
  readonly #known: (VolumeNeeds | undefined)[] = []

  constructor(model: PlannableModel) {
    this.#model = model
  }

  /** @throws RangeError when a segment between the points cannot be split by rows */
  of(from: number, to: number): VolumeNeeds {
    const key = from * this.#model.points.length + to
    const known = this.#known[key]
    if (known !== undefined) return known
    const rows = pointAt(this.#model, to).rows
    const start = Int32Array.from({ length: rows + 1 }, (_, row) => row)
    const end = Int32Array.from(start)
    for (let i = to - 1; i >= from; i--) {
      const tables = segmentAt(this.#model, i).tables()
      if (tables === undefined) throw new RangeError(`segment ${i} cannot be split by rows`)
      for (let row = 0; row <= rows; row++) {
        start[row] = tables.needStart[start[row] as number] as number
        end[row] = tables.needEnd[end[row] as number] as number
      }
    }
    const needs = { start, end }
    this.#known[key] = needs
    return needs
  }
}
