interface Member<T> {
  readonly member: T
  readonly share: number
  credit: number
}

/** Takes turns in proportion to shares (smooth weighted round robin, as in nginx): 2:1 gives a b a, not a a b. */
export class ShareTurns<T> {
  #members: Member<T>[] = []

  get members(): readonly T[] {
    return this.#members.map(({ member }) => member)
  }

  replace(members: readonly { readonly member: T; readonly share: number }[]): void {
    this.#members = members.map(({ member, share }) => ({ member, share, credit: 0 }))
  }

  /** The next one in turn among those that `prefer` accepts, or among all when it accepts none. */
  next(prefer: (member: T) => boolean): T | undefined {
    const preferred = this.#members.filter(({ member }) => prefer(member))
    const open = preferred.length > 0 ? preferred : this.#members
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
}
