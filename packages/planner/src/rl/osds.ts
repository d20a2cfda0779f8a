import { type Random, seededRandom } from '@roomful/core'
import type { Draft, DraftShard, DraftVolume } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { balanced } from '../partitioners/balance.ts'
import { joined } from '../partitioners/place-exits.ts'
import { rowVolume, shardsOf, splitRows } from '../partitioners/rows.ts'
import type { Search } from '../partitioners/search.ts'
import { complete, type RowSpan, speeds, workers } from '../partitioners/strips.ts'
import { Ddpg } from './ddpg.ts'
import { loadTensorflow } from './perceptron.ts'

export interface OsdsOptions {
  readonly episodes: number
  readonly seed: number
  /** Environment steps per gradient step. Default 8: tfjs on a CPU needs about 0.15 s for one. */
  readonly stepsPerUpdate?: number
  readonly signal?: AbortSignal
}

/** One entry of the learning curve. */
export interface OsdsProgress {
  readonly episode: number
  readonly costMs: number
  readonly bestMs: number
  readonly best: Draft
}

/** Layers of actor and critic as published. */
const ACTOR = [400, 200, 100]
const CRITIC = [400, 200, 100, 100]
/** How far the policy may move a cut from the best split of the warm start, as a share of the rows. [ours] */
const REACH = 0.25

/**
 * Optimal split decision search (DistrEdge): DDPG over the layer volumes. State: each device's accumulated finish time
 * and the shape of the volume's last layer; action: the |D| - 1 cut points of its rows, sorted; reward: 1 / T at the
 * end. The best decision seen is kept. The first episodes are heuristics, a warm start: a split in proportion to speed,
 * and balanced rows over the fastest devices, all of them and ever fewer; the policy's cut points are read relative to
 * the best of these, so that exploration does not begin with what is plainly bad. [ours]
 *
 * Yields after every episode, so that a room can train in the background and stop whenever it likes.
 */
export async function* trainOsds(
  search: Search,
  span: RowSpan,
  ends: readonly number[],
  options: OsdsOptions,
): AsyncGenerator<OsdsProgress, void, void> {
  const tf = await loadTensorflow()
  const random = seededRandom(options.seed)
  const environment = new SplitEnvironment(search, span, ends)
  const agent = new Ddpg(tf, {
    stateSize: environment.stateSize,
    actionSize: environment.actionSize,
    random,
    actorLayers: ACTOR,
    criticLayers: CRITIC,
    gamma: 1,
  })
  try {
    let best: { draft: Draft; cost: number } | undefined
    let steps = 0
    const warm = environment.heuristics
    for (let episode = 0; episode < warm + options.episodes; episode++) {
      options.signal?.throwIfAborted()
      const trained = episode - warm
      const noise = 0.4 * (1 - trained / options.episodes) + 0.05
      const { draft, cost, transitions } = environment.play((state, volume) =>
        trained < 0 ? environment.heuristic(volume, episode) : explore(agent, state, noise, trained + 1, random),
      )
      for (const transition of transitions) {
        agent.remember(transition)
        if (++steps % (options.stepsPerUpdate ?? 8) === 0) agent.learn()
      }
      if (draft !== undefined && (best === undefined || cost < best.cost)) best = { draft, cost }
      if (best !== undefined) yield { episode, costMs: cost, bestMs: best.cost, best: best.draft }
      // Lets timers and messages of the Worker through.
      await new Promise<void>((resolve) => setTimeout(resolve, 0))
    }
  } finally {
    agent.dispose()
  }
}

/** The fastest devices in the order of the processors: all, and ever fewer, down to one; at most eleven groups. */
export function fastestGroups(processors: readonly number[], weights: readonly number[]): number[][] {
  const order = processors.map((_, at) => at).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0))
  const sizes = new Set<number>()
  for (let i = 8; i >= 1; i--) sizes.add(Math.max(1, Math.round((processors.length * i) / 8)))
  for (const size of [3, 2, 1]) sizes.add(Math.min(size, processors.length))
  return [...sizes].map((size) => {
    const chosen = new Set(order.slice(0, size))
    return processors.filter((_, at) => chosen.has(at))
  })
}

/** The policy with noise, now and then a purely random action. */
function explore(agent: Ddpg, state: readonly number[], noise: number, episode: number, random: Random): number[] {
  const action = agent.act(state, noise)
  return random.next() < 0.2 / Math.sqrt(episode) ? action.map(() => random.next() * 2 - 1) : action
}

interface Played {
  readonly draft: Draft | undefined
  readonly cost: number
  readonly transitions: readonly {
    state: readonly number[]
    action: readonly number[]
    reward: number
    next: readonly number[]
    done: boolean
  }[]
}

/** The room as the agent sees it: one step per layer volume. */
class SplitEnvironment {
  readonly stateSize: number
  readonly actionSize: number
  readonly #search: Search
  readonly #span: RowSpan
  readonly #ends: readonly number[]
  readonly #processors: readonly number[]
  readonly #weights: readonly number[]
  /** `base[volume]`: cut points of the best heuristic, as shares of the rows. */
  readonly #base: readonly (readonly number[])[]
  readonly #groups: readonly (readonly number[])[]
  readonly #scaleMs: number

  constructor(search: Search, span: RowSpan, ends: readonly number[]) {
    this.#search = search
    this.#span = span
    this.#ends = ends
    this.#processors = workers(search)
    this.#weights = speeds(search, this.#processors, span)
    this.#groups = fastestGroups(this.#processors, this.#weights)
    this.stateSize = this.#processors.length + 4
    this.actionSize = this.#processors.length - 1
    const proportional = this.#finish(
      this.#volumes((_, to) => splitRows(this.#rows(to), this.#processors, this.#weights)),
    )
    this.#scaleMs = Math.max(1e-6, proportional === undefined ? 1 : search.cost(proportional))
    let best = Number.POSITIVE_INFINITY
    let base: number[][] = []
    for (let kind = 0; kind < this.heuristics; kind++) {
      const cuts = ends.map((_, volume) => this.#heuristicCuts(volume, kind))
      const draft = this.#finish(this.#volumes((_, to) => this.#shardsAt(cuts[ends.indexOf(to)] ?? [], to)))
      const cost = draft === undefined ? Number.POSITIVE_INFINITY : search.cost(draft)
      if (base.length > 0 && cost >= best) continue
      best = cost
      base = cuts
    }
    this.#base = base
  }

  /** How many heuristics there are. */
  get heuristics(): number {
    return this.#groups.length + 1
  }

  /** The action that stands for the proportional split (0) or for balanced rows over one of the groups. */
  heuristic(volume: number, kind: number): number[] {
    const base = this.#base[volume] as readonly number[]
    const cuts = this.#heuristicCuts(volume, kind)
    return cuts.map((cut, at) => Math.max(-1, Math.min(1, (cut - (base[at] as number)) / REACH)))
  }

  #heuristicCuts(volume: number, kind: number): number[] {
    const to = this.#ends[volume] as number
    const from = this.#ends[volume - 1] ?? this.#span.from
    const group = this.#groups[kind - 1] ?? this.#processors
    const weights = group.map((processor) => this.#weights[this.#processors.indexOf(processor)] ?? 0)
    const shards =
      kind === 0 ? splitRows(this.#rows(to), group, weights) : balanced(this.#search, from, to, group, weights)
    const cuts: number[] = []
    let row = 0
    for (const processor of this.#processors.slice(0, -1)) {
      row = shards.find((shard) => shard.processor === processor)?.end ?? row
      cuts.push(row / this.#rows(to))
    }
    return cuts
  }

  play(choose: (state: readonly number[], volume: number) => number[]): Played {
    const volumes: DraftVolume[] = []
    const seen: { state: number[]; action: number[] }[] = []
    let from = this.#span.from
    for (const [index, to] of this.#ends.entries()) {
      const state = this.#state(volumes, index)
      const action = choose(state, index)
      seen.push({ state, action })
      volumes.push(rowVolume(from, to, this.#shards(action, index), this.#search.wire(to)))
      from = to
    }
    const draft = this.#finish(volumes)
    const cost = draft === undefined ? Number.POSITIVE_INFINITY : this.#search.cost(draft)
    const reward = Number.isFinite(cost) ? this.#scaleMs / cost : 0
    const last = this.#state(volumes, this.#ends.length - 1)
    const transitions = seen.map(({ state, action }, at) => {
      const done = at + 1 === seen.length
      return { state, action, reward: done ? reward : 0, next: seen[at + 1]?.state ?? last, done }
    })
    return { draft, cost, transitions }
  }

  #rows(point: number): number {
    return pointAt(this.#search.model, point).rows
  }

  #shards(action: readonly number[], volume: number): DraftShard[] {
    const base = this.#base[volume] as readonly number[]
    return this.#shardsAt(
      action.map((value, at) => (base[at] as number) + value * REACH),
      this.#ends[volume] as number,
    )
  }

  /** Rows between cut points that are given as shares, in any order. */
  #shardsAt(shares: readonly number[], to: number): DraftShard[] {
    const rows = this.#rows(to)
    const cuts = shares.map((share) => Math.round(Math.max(0, Math.min(1, share)) * rows)).sort((a, b) => a - b)
    const edges = [0, ...cuts, rows]
    return shardsOf(
      this.#processors,
      this.#processors.map((_, at) => (edges[at + 1] as number) - (edges[at] as number)),
    )
  }

  #volumes(split: (from: number, to: number) => DraftShard[]): DraftVolume[] {
    let from = this.#span.from
    return this.#ends.map((to) => {
      const volume = rowVolume(from, to, split(from, to), this.#search.wire(to))
      from = to
      return volume
    })
  }

  /** Consecutive volumes with all rows on one device are one: nothing is exchanged between them. */
  #finish(volumes: readonly DraftVolume[]): Draft | undefined {
    return this.#search.best(complete(this.#search, volumes).map((draft) => joined(draft, new Set())))
  }

  #state(volumes: readonly DraftVolume[], index: number): number[] {
    const to = this.#ends[index] as number
    const [, channels = 1, height = 1, width = 1] = pointAt(this.#search.model, to).shape
    const finish =
      volumes.length === 0
        ? this.#processors.map(() => 0)
        : this.#search.evaluator.finishTimes(
            { input: 'tensor', volumes: this.#prefixed(volumes), exits: [], shares: [] },
            this.#processors,
          )
    return [
      ...finish.map((ms) => ms / this.#scaleMs),
      Math.log2(height + 1) / 8,
      Math.log2(width + 1) / 8,
      Math.log2(channels + 1) / 10,
      index / Math.max(1, this.#ends.length - 1),
    ]
  }

  /** A prefix that starts at the picture, whatever must stay on the initiator before the split. */
  #prefixed(volumes: readonly DraftVolume[]): DraftVolume[] {
    const [draft] = complete(this.#search, volumes, this.#search.mainOf(0))
    return (draft?.volumes ?? volumes).filter((volume) => volume.to <= (volumes.at(-1)?.to ?? 0))
  }
}
