import type { DeviceId, ModelDigest, Plan } from '@roomful/core'
import type { Draft } from './draft.ts'
import type { Room } from './room.ts'

/**
 * Plans of one kind are for the same model and answer the same device, have the same devices computing one after the other, and all or
 * none of them has exits. Where they cut, and how they split rows, does not matter: what predictions of a kind are off by is much
 * the same for all of it. [ours]
 */
export interface PlanKind {
  readonly id: string
  /** The same for all plans for the model that answer the device. */
  readonly family: string
  /** Whether the asking device alone computes, so that nothing is sent. */
  readonly isAlone: boolean
  /** The same without names: which stages are the asking device's, which are shared by how many, and whether there are exits. */
  readonly shape: string
}

export function planKind({ model, volumes, exits }: Plan, initiator: DeviceId): PlanKind {
  const stages = volumes.map(({ shards }) => shards.map(({ device }) => device))
  return kindOf(model, initiator, stages, exits.length > 0)
}

/** As `planKind` of the draft's plan. */
export function draftKind(
  { volumes, exits }: Draft,
  model: ModelDigest,
  { processors, devices, topology }: Room,
): PlanKind {
  const idOf = (processor: number) => devices[processors[processor]?.device ?? -1]?.id as DeviceId
  const stages = volumes.map(({ shards }) => shards.map(({ processor }) => idOf(processor)))
  return kindOf(model, topology.initiator, stages, exits.length > 0)
}

function kindOf(
  model: ModelDigest,
  initiator: DeviceId,
  volumes: readonly (readonly DeviceId[])[],
  hasExits: boolean,
): PlanKind {
  const all = volumes.map((devices) => [...devices].sort().join('+'))
  const stages = all.filter((stage, at) => stage !== all[at - 1])
  const names = new Map<string, string>([[initiator, 'asker']])
  const nameOf = (device: string) => {
    const name = names.get(device) ?? `helper${names.size}`
    names.set(device, name)
    return name
  }
  const roles = stages.map((stage) => stage.split('+').map(nameOf).sort().join('+'))
  const family = `${model} ${initiator}`
  const exits = hasExits ? 'exits' : 'full'
  return {
    id: `${family} ${exits}: ${stages.join(' ')}`,
    family,
    isAlone: roles.every((role) => role === 'asker'),
    shape: `${model} ${exits}: ${roles.join(' ')}`,
  }
}
