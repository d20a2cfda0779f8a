import { gaussian, type Random, seededRandom } from '@roomful/core'
import type { Draft, DraftShard, DraftVolume } from '../evaluator/draft.ts'
import { pointAt } from '../model/plannable.ts'
import { joined } from '../partitioners/place-exits.ts'
import { rowVolume, shardsOf } from '../partitioners/rows.ts'
import type { Search } from '../partitioners/search.ts'
import { complete, type RowSpan, workers } from '../partitioners/strips.ts'
import { Ddpg } from './ddpg.ts'
import { loadTensorflow } from './perceptron.ts'
import { type Decision, finishTimes, warmStart } from './warm-start.ts'

export interface OsdsOptions {
  readonly episodes: number
  readonly seed: number
  /** Environment steps per gradient step. Default 8, more in long trainings: tfjs on a CPU needs about 0.15 s for one. */
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
/** Share of the episodes that vary the best decision seen instead of asking the policy. [ours] */
const NEAR_BEST = 0.6
/** Gradient steps of one training. [ours] */
const MOST_UPDATES = 150
/** Decisions of the warm start that are played. [ours] */
const WARM_EPISODES = 8

const clip = (value: number): number => Math.max(-1, Math.min(1, value))

/**
 * Optimal split decision search (DistrEdge): DDPG over the layer volumes. State: each device's accumulated finish time
 * and the shape of the volume's last layer; action: the |D| - 1 cut points of its rows, sorted; reward: 1 / T at the
 * end. The best decision seen is kept, and more than half of the episodes explore beside it. The first episodes are a warm start, in place of thousands of published ones: the
 * best of some heuristics (`warm-start.ts`); the policy's cut points are read relative to the very best of these, so
 * that exploration does not begin with what is plainly bad. [ours]
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
    let best: { draft: Draft; cost: number; actions: (readonly number[])[] } | undefined
    let steps = 0
    const warm = environment.warm.length
    const all = (warm + options.episodes) * ends.length
    const stepsPerUpdate = options.stepsPerUpdate ?? Math.max(8, Math.ceil(all / MOST_UPDATES))
    for (let episode = 0; episode < warm + options.episodes; episode++) {
      options.signal?.throwIfAborted()
      const trained = episode - warm
      const noise = 0.4 * (1 - trained / options.episodes) + 0.05
      const near = best !== undefined && random.next() < NEAR_BEST ? varied(best.actions, random) : undefined
      const { draft, cost, transitions } = environment.play((state, volume) =>
        trained < 0
          ? environment.warmAction(volume, episode)
          : (near?.[volume] ?? explore(agent, state, noise, trained + 1, random)),
      )
      for (const transition of transitions) {
        agent.remember(transition)
        if (++steps % stepsPerUpdate === 0) agent.learn()
      }
      if (draft !== undefined && (best === undefined || cost < best.cost)) {
        best = { draft, cost, actions: transitions.map(({ action }) => action) }
      }
      if (best !== undefined) yield { episode, costMs: cost, bestMs: best.cost, best: best.draft }
      // Lets timers and messages of the Worker through.
      await new Promise<void>((resolve) => setTimeout(resolve, 0))
    }
  } finally {
    agent.dispose()
  }
}

/** The best decision seen, with the cut points of one volume or two moved by little or much. */
function varied(actions: readonly (readonly number[])[], random: Random): (readonly number[])[] {
  const deviation = 0.02 * 20 ** random.next()
  const chosen = new Set([random.int(actions.length), random.int(actions.length)])
  return actions.map((action, volume) =>
    chosen.has(volume) ? action.map((value) => clip(value + gaussian(random) * deviation)) : action,
  )
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
  /** Decisions of the warm start, the best one first. */
  readonly warm: readonly Decision[]
  readonly #scaleMs: number

  constructor(search: Search, span: RowSpan, ends: readonly number[]) {
    this.#search = search
    this.#span = span
    this.#ends = ends
    this.#processors = workers(search)
    this.stateSize = this.#processors.length + 4
    this.actionSize = this.#processors.length - 1
    const played = warmStart(search, span, ends)
      .map((decision) => ({ decision, cost: this.#costOf(decision) }))
      .sort((a, b) => a.cost - b.cost)
    this.warm = played.slice(0, WARM_EPISODES).map(({ decision }) => decision)
    const proportional = played.find(({ cost }) => Number.isFinite(cost))?.cost ?? 1
    this.#scaleMs = Math.max(1e-6, proportional)
  }

  /** The action that stands for a decision of the warm start. */
  warmAction(volume: number, at: number): number[] {
    const base = this.#cutsOf(0, volume)
    return this.#cutsOf(at, volume).map((cut, i) => clip((cut - (base[i] as number)) / REACH))
  }

  /** Cut points of a warm-start decision, as shares of the volume's rows. */
  #cutsOf(at: number, volume: number): number[] {
    const shards = this.warm[at]?.[volume] ?? []
    const rows = this.#rows(this.#ends[volume] as number)
    let row = 0
    return this.#processors.slice(0, -1).map((processor) => {
      row = shards.find((shard) => shard.processor === processor)?.end ?? row
      return row / rows
    })
  }

  #costOf(decision: Decision): number {
    const draft = this.#finish(this.#volumes((to) => decision[this.#ends.indexOf(to)] ?? []))
    return draft === undefined ? Number.POSITIVE_INFINITY : this.#search.cost(draft)
  }

  play(choose: (state: readonly number[], volume: number) => readonly number[]): Played {
    const volumes: DraftVolume[] = []
    const seen: { state: number[]; action: readonly number[] }[] = []
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
    const base = this.#cutsOf(0, volume)
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

  #volumes(split: (to: number) => readonly DraftShard[]): DraftVolume[] {
    let from = this.#span.from
    return this.#ends.map((to) => {
      const volume = rowVolume(from, to, split(to), this.#search.wire(to))
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
    const finish = finishTimes(this.#search, volumes, this.#processors)
    return [
      ...finish.map((ms) => ms / this.#scaleMs),
      Math.log2(height + 1) / 8,
      Math.log2(width + 1) / 8,
      Math.log2(channels + 1) / 10,
      index / Math.max(1, this.#ends.length - 1),
    ]
  }
}
