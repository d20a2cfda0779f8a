import { linkBetween, type Topology } from '@roomful/core'
import { type LatencyPredictor, LinkModel } from '@roomful/planner'
import type { Truth } from './truth.ts'

/** What the initiator predicts with: links as the room reports them now, devices by their profiles in the scenario. */
export function reportedPredictor(truth: Truth, topology: Topology): LatencyPredictor {
  const { predictor } = truth.room
  return {
    compute: (device, backend) => predictor.compute(device, backend),
    codec: (device) => predictor.codec(device),
    link: (from, to) => {
      const link = linkBetween(topology, from, to)
      if (link === undefined) return undefined
      const startWindowBytes = predictor.link(from, to)?.startWindowBytes
      return new LinkModel({ ...link, ...(startWindowBytes === undefined ? {} : { startWindowBytes }) })
    },
  }
}
