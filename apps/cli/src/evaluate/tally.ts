/** Counts right answers of several answerers over the same pictures. */
export class Tally {
  readonly #right = new Map<string, number>()
  #pictures = 0

  /** `answers`: label given by each answerer. */
  add(label: number, answers: Readonly<Record<string, number>>): void {
    this.#pictures++
    for (const [who, answer] of Object.entries(answers)) {
      this.#right.set(who, (this.#right.get(who) ?? 0) + (answer === label ? 1 : 0))
    }
  }

  get pictures(): number {
    return this.#pictures
  }

  /** Share of right answers, 0..1, to six decimals. */
  top1(who: string): number {
    return round6((this.#right.get(who) ?? 0) / Math.max(1, this.#pictures))
  }
}

export const round6 = (value: number): number => Math.round(value * 1e6) / 1e6
