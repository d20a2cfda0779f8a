/** The time of one run, from the command's begin. */
export class RunTime {
  readonly #beganMs: number
  readonly #budgetMs: number
  readonly #print: (line: string) => void

  /** @param beganMs by `performance.now()` */
  constructor(beganMs: number, budgetMs: number, print: (line: string) => void) {
    this.#beganMs = beganMs
    this.#budgetMs = budgetMs
    this.#print = print
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganMs
  }

  /** Of the budget, after what is to come needs `reservedMs`; below 0 when it is used up. */
  remainingMs(reservedMs: number): number {
    return this.#budgetMs - reservedMs - this.elapsedMs
  }

  /** A line of progress, with the time. */
  say(line: string): void {
    this.#print(`${(this.elapsedMs / 1000).toFixed(0)} s: ${line}`)
  }
}
