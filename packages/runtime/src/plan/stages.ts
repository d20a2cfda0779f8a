import type { Plan } from '@roomful/core'

/** Stages of a pipeline: runs of volumes on the same devices, which work beside the other stages. */
export function stagesOf({ volumes }: Plan): number {
  let stages = 0
  let before = ''
  for (const { shards } of volumes) {
    const who = [...new Set(shards.map(({ device }) => device))].sort().join(' ')
    if (who !== before) stages++
    before = who
  }
  return stages
}
