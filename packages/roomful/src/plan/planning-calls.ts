import type { BackendSpeed, DeviceId, DeviceProfile, ModelDigest, Plan, Topology } from '@roomful/core'
import type { CallHandlers } from '@roomful/engine'
import type { Manifest } from '@roomful/model'
import type { OwnLearning } from '../device/own-learning.ts'
import type { PlanningOptions } from '../session.ts'
import type {
  ChosenPlan,
  Drift,
  MeasuredSpeed,
  ModelOutline,
  Observed,
  Planning,
  Practised,
  Training,
  TrunkGraphs,
  Wish,
} from './planning.ts'

/** Questions to the planning worker, one for each method of `Planning`. */
export type PlanningCalls = {
  open: { request: { manifest: Manifest; graphBytes: Uint8Array; trunks: TrunkGraphs }; reply: ModelOutline }
  automatically: {
    request: {
      digest: ModelDigest
      topology: Topology
      options: PlanningOptions
      current: Plan | undefined
      trust: number
    }
    reply: ChosenPlan
  }
  byHand: { request: { digest: ModelDigest; topology: Topology; drawn: Wish }; reply: ChosenPlan }
  alone: { request: { digest: ModelDigest; self: DeviceProfile }; reply: Plan | undefined }
  observe: {
    request: { digest: ModelDigest; topology: Topology; measured: readonly Observed[] }
    reply: Drift
  }
  practise: {
    request: {
      digest: ModelDigest
      topology: Topology
      options: PlanningOptions
      current: Plan
      training: Training
    }
    reply: Practised
  }
  fit: { request: { measured: readonly MeasuredSpeed[] }; reply: readonly BackendSpeed[] }
  rest: { request: Record<string, never>; reply: undefined }
  learned: { request: { self: DeviceId }; reply: OwnLearning | undefined }
  recall: { request: { self: DeviceId; learned: OwnLearning }; reply: undefined }
}

export function planningHandlers(planning: Planning): CallHandlers<PlanningCalls> {
  return {
    open: ({ manifest, graphBytes, trunks }) => planning.open(manifest, graphBytes, trunks),
    automatically: ({ digest, topology, options, current, trust }) =>
      planning.automatically(digest, topology, options, current, trust),
    byHand: ({ digest, topology, drawn }) => planning.byHand(digest, topology, drawn),
    alone: ({ digest, self }) => planning.alone(digest, self),
    observe: ({ digest, topology, measured }) => planning.observe(digest, topology, measured),
    practise: ({ digest, topology, options, current, training }) =>
      planning.practise(digest, topology, options, current, training),
    fit: ({ measured }) => planning.fit(measured),
    rest: async () => {
      await planning.rest()
      return undefined
    },
    learned: ({ self }) => planning.learned(self),
    recall: async ({ self, learned }) => {
      await planning.recall(self, learned)
      return undefined
    },
  }
}
