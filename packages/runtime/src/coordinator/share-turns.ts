export interface Turn<T> {
  readonly member: T
  readonly share: number
  /** Requests that keep the member busy: with so many in flight others are preferred. */
  readonly window: number
}

interface Member<T> extends Turn<T> {
  credit: number
  inFlight: number
}

/**
 * Takes turns in proportion to shares (smooth weighted round robin, as in nginx): 2:1 gives a b a, not a a b. While a
 * member has its window full, the others go first: one that is slower than expected does not hold them up.
 */
export class ShareTurns<T> {
  #members: Member<T>[] = []

  get members(): readonly T[] {
    return this.#members.map(({ member }) => member)
  }

  /** Requests that keep all members busy. */
  get window(): number {
    return this.#members.reduce((sum, { window }) => sum + window, 0)
  }

  replace(members: readonly Turn<T>[]): void {
    this.#members = members.map((turn) => ({ ...turn, credit: 0, inFlight: 0 }))
  }

  /** A request runs on a member, until `leave`; members that were replaced meanwhile are forgotten. */
  enter(member: T): void {
    const found = this.#find(member)
    if (found !== undefined) found.inFlight++
  }

  leave(member: T): void {
    const found = this.#find(member)
    if (found !== undefined && found.inFlight > 0) found.inFlight--
  }

  /** The next one in turn among those that `prefer` accepts and that have room, or among all where there is none. */
  next(prefer: (member: T) => boolean): T | undefined {
    const preferred = this.#members.filter(({ member }) => prefer(member))
    const sound = preferred.length > 0 ? preferred : this.#members
    const idle = sound.filter(({ inFlight, window }) => inFlight < window)
    const open = idle.length > 0 ? idle : sound
    let best: Member<T> | undefined
    let total = 0
    for (const candidate of open) {
      candidate.credit += candidate.share
      total += candidate.share
      if (best === undefined || candidate.credit > best.credit) best = candidate
    }
    if (best !== undefined) best.credit -= total
    return best?.member
  }

  #find(member: T): Member<T> | undefined {
    return this.#members.find((one) => one.member === member)
  }
}
