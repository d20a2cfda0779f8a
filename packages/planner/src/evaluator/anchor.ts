import type { PlannableModel } from '../model/plannable.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Draft, DraftExit, DraftVolume } from './draft.ts'
import { answersAll } from './expectation.ts'

/** A draft of which it is kept how its volumes end: drafts that begin alike are played from there on. */
export class Anchor {
  draft: Draft | undefined
  /** Whether the checkpoints are those of the draft. */
  isPlayed = false
  /** How many of the checkpoints are. */
  saved = 0
  /** `checkpoints[i]`: when the first `i` volumes are computed, before an exit behind them that is waited for. */
  readonly checkpoints: Checkpoint[] = []
  /** Per exit of the model the share of requests that it answers. */
  readonly shares: Float64Array
  readonly #model: PlannableModel
  readonly #hasOrder: boolean

  constructor(model: PlannableModel) {
    this.#model = model
    this.shares = new Float64Array(model.exits.length)
    // Of exits at one point the first of the draft comes first.
    this.#hasOrder = new Set(model.exits.map(({ point }) => point)).size === model.exits.length
  }

  set(draft: Draft | undefined): void {
    this.draft = draft
    this.isPlayed = false
  }

  keepShares(exits: readonly DraftExit[], shares: readonly number[]): void {
    this.shares.fill(0)
    for (let at = 0; at < exits.length; at++) this.shares[(exits[at] as DraftExit).exit] = shares[at] as number
  }

  /** How many volumes a draft has in common with this one, the last one aside; the same objects. */
  sameVolumes({ input, volumes }: Draft): number {
    const { draft } = this
    if (draft === undefined || draft.input !== input) return 0
    const most = Math.min(volumes.length, draft.volumes.length) - 1
    let shared = 0
    while (shared < most && volumes[shared] === draft.volumes[shared]) shared++
    return shared
  }

  /** The same for volumes that look alike. */
  likeVolumes({ input, volumes }: Draft): number {
    const { draft } = this
    if (draft === undefined || draft.input !== input || !this.#hasOrder) return 0
    const most = Math.min(volumes.length, draft.volumes.length) - 1
    let shared = 0
    while (shared < most && alike(volumes[shared] as DraftVolume, draft.volumes[shared] as DraftVolume)) shared++
    return shared
  }

  /** Of so many volumes in common, those with no unlike exit between them. */
  beforeUnlikeExits({ volumes, exits }: Draft, shares: readonly number[], volumesShared: number): number {
    const { draft } = this
    if (draft === undefined) return 0
    let point = Number.POSITIVE_INFINITY
    let found = 0
    for (let at = 0; at < exits.length; at++) {
      const exit = exits[at] as Draft['exits'][number]
      let like = false
      for (let other = 0; other < draft.exits.length; other++) {
        const mine = draft.exits[other] as Draft['exits'][number]
        if (mine.exit !== exit.exit) continue
        found++
        like =
          mine.processor === exit.processor &&
          mine.mode === exit.mode &&
          answersAll(mine) === answersAll(exit) &&
          this.shares[exit.exit] === shares[at]
      }
      if (!like) point = Math.min(point, this.#point(exit.exit))
    }
    if (found < draft.exits.length) {
      for (const { exit } of draft.exits) {
        if (!exits.some((other) => other.exit === exit)) point = Math.min(point, this.#point(exit))
      }
    }
    let shared = volumesShared
    while (shared > 0 && (volumes[shared - 1] as DraftVolume).to > point) shared--
    return shared
  }

  #point(exit: number): number {
    return this.#model.exits[exit]?.point ?? -1
  }
}

function alike(a: DraftVolume, b: DraftVolume): boolean {
  if (a === b) return true
  if (a.from !== b.from || a.to !== b.to || a.wire !== b.wire || a.route !== b.route) return false
  if (a.shards === b.shards) return true
  if (a.shards.length !== b.shards.length) return false
  for (let i = 0; i < a.shards.length; i++) {
    const one = a.shards[i] as DraftVolume['shards'][number]
    const other = b.shards[i] as DraftVolume['shards'][number]
    if (one.processor !== other.processor || one.start !== other.start || one.end !== other.end) return false
  }
  return true
}
