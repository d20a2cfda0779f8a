import type { DeviceId, Plan } from '@roomful/core'
import type { Draft } from './draft.ts'
import type { Room } from './room.ts'

/**
 * Plans of one kind answer the same device, have the same devices computing one after the other, and all or none of them has exits. Where
 * they cut, and how they split rows, does not matter: what predictions of a kind are off by is much the same for all of it. [ours]
 */
export type PlanKind = string

export function planKind({ volumes, exits }: Plan, initiator: DeviceId): PlanKind {
  return kindOf(
    initiator,
    volumes.map(({ shards }) => shards.map(({ device }) => device)),
    exits.length > 0,
  )
}

/** As `planKind` of the draft's plan. */
export function draftKind({ volumes, exits }: Draft, { processors, devices, topology }: Room): PlanKind {
  const idOf = (processor: number) => devices[processors[processor]?.device ?? -1]?.id as DeviceId
  return kindOf(
    topology.initiator,
    volumes.map(({ shards }) => shards.map(({ processor }) => idOf(processor))),
    exits.length > 0,
  )
}

function kindOf(initiator: DeviceId, volumes: readonly (readonly DeviceId[])[], hasExits: boolean): PlanKind {
  const stages = volumes.map((devices) => [...devices].sort().join('+'))
  const inTurn = stages.filter((stage, at) => stage !== stages[at - 1])
  return `${initiator} ${hasExits ? 'exits' : 'full'} ${inTurn.join(' ')}`
}
