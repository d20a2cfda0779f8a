/** The control net may take this much longer than in the machine's calmest moments. */
const TOLERANCE = 1.12

/** Whether the machine was calm, judged by a net of known work: the calmest times seen so far are the measure. */
export class Calm {
  readonly #seen: number[] = []

  sees(controlMs: number): void {
    this.#seen.push(controlMs)
    this.#seen.sort((a, b) => a - b)
  }

  /** Against the fastest tenth, so that one lucky moment does not make all others look disturbed. */
  is(controlMs: number): boolean {
    const base = this.#seen[Math.floor(this.#seen.length / 10)] ?? controlMs
    return controlMs <= base * TOLERANCE
  }
}
