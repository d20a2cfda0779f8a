import { seededRandom } from '@roomful/core'
import { modelMacs, pointAt, segmentAt } from '../model/plannable.ts'
import type { Search } from '../partitioners/search.ts'
import { Ddpg } from './ddpg.ts'
import { loadTensorflow } from './perceptron.ts'

/** A pruned trunk that the agent may settle on: what it costs and what it loses. */
export interface PrunedTrunk {
  /** Multiply-accumulates as a share of the main trunk's. */
  readonly keep: number
  readonly ms: number
  /** Error rate, 0..1. */
  readonly error: number
}

/**
 * Cogent's agent in AMC's form: layer by layer a keep ratio, from the layer's state (index, shape, work, work saved and
 * left, previous action, uplink bandwidth and the helpers' load); at the end the work that is kept chooses the nearest
 * trunk that the package really has, and the reward is `-error * log(latency)`. [ours: snapping to trunks]
 * @returns the index of the trunk with the best reward seen, and the rewards per episode
 */
export async function trainKeepRatios(
  search: Search,
  trunks: readonly PrunedTrunk[],
  options: { readonly episodes: number; readonly seed: number },
): Promise<{ readonly trunk: number; readonly curve: readonly number[] }> {
  const tf = await loadTensorflow()
  const random = seededRandom(options.seed)
  const agent = new Ddpg(tf, { stateSize: 11, actionSize: 1, random, actorLayers: [64, 48], criticLayers: [64, 48] })
  const total = Math.max(1, modelMacs(search.model))
  const curve: number[] = []
  let best = { trunk: 0, reward: Number.NEGATIVE_INFINITY }
  try {
    for (let episode = 0; episode < options.episodes; episode++) {
      const noise = 0.5 * (1 - episode / options.episodes)
      const seen: { state: number[]; action: number[] }[] = []
      let saved = 0
      let done = 0
      let previous = 1
      for (let layer = 0; layer < search.last; layer++) {
        const state = layerState(search, layer, { saved: saved / total, left: 1 - done / total, previous })
        const action = agent.act(state, noise)
        const keep = ((action[0] ?? 0) + 1) / 2
        const { macs } = segmentAt(search.model, layer)
        saved += macs * (1 - keep)
        done += macs
        previous = keep
        seen.push({ state, action })
      }
      const trunk = nearest(trunks, 1 - saved / total)
      const reward = rewardOf(trunks[trunk] as PrunedTrunk)
      for (const [at, { state, action }] of seen.entries()) {
        const last = at + 1 === seen.length
        agent.remember({ state, action, reward: last ? reward : 0, next: seen[at + 1]?.state ?? state, done: last })
      }
      agent.learn()
      curve.push(reward)
      if (reward > best.reward) best = { trunk, reward }
    }
  } finally {
    agent.dispose()
  }
  return { trunk: best.trunk, curve }
}

const rewardOf = ({ error, ms }: PrunedTrunk): number => -error * Math.log(Math.max(ms, 1) + 1)

function nearest(trunks: readonly PrunedTrunk[], keep: number): number {
  let best = 0
  for (const [at, trunk] of trunks.entries()) {
    if (Math.abs(trunk.keep - keep) < Math.abs((trunks[best] as PrunedTrunk).keep - keep)) best = at
  }
  return best
}

function layerState(search: Search, layer: number, sums: { saved: number; left: number; previous: number }): number[] {
  const [, channels = 1, height = 1, width = 1] = pointAt(search.model, layer + 1).shape
  const [, before = 1] = pointAt(search.model, layer).shape
  const uplink = Math.max(0, ...(search.room.links[0] ?? []).map((link) => link?.bytesPerMs ?? 0))
  const loads = search.room.topology.devices.map((device) => device.load)
  const macs = segmentAt(search.model, layer).macs / Math.max(1, modelMacs(search.model))
  return [
    layer / search.last,
    Math.log2(before + 1) / 10,
    Math.log2(channels + 1) / 10,
    Math.log2(height + 1) / 8,
    Math.log2(width + 1) / 8,
    macs,
    sums.saved,
    sums.left,
    sums.previous,
    Math.log2(uplink + 1) / 16,
    loads.reduce((sum, load) => sum + load, 0) / Math.max(1, loads.length),
  ]
}
