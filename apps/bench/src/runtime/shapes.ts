import type { Plan } from '@roomful/core'
import { chainOf, INT8, type ModelShape, planOf, type Seat } from '../../../../e2e/rig/plan-shapes.ts'

/** A plan that is measured; `devices` counts the initiator. */
export interface RuntimeShape {
  readonly shape: 'chain' | 'rows'
  readonly devices: number
  readonly plan: Plan
}

/** Where the shipped network's rows are gathered again. */
const GATHER_AT = 'stage1_block1'

/**
 * Chains of equal work over 1 to 4 devices, and rows over 2 to 4 up to `stage1_block1` with the rest on the initiator, all
 * on the 8-bit wire and without exits. The first seat is the initiator's.
 */
export function runtimeShapes(model: ModelShape, seats: readonly Seat[]): RuntimeShape[] {
  const options = { wire: INT8 }
  return seats.flatMap((_, index) => {
    const devices = index + 1
    const some = seats.slice(0, devices)
    const chain: RuntimeShape = { shape: 'chain', devices, plan: chainOf(model, some, options) }
    if (devices === 1) return [chain]
    const stages = [
      { to: GATHER_AT, seats: some },
      { to: model.output, seats: some.slice(0, 1) },
    ]
    return [chain, { shape: 'rows', devices, plan: planOf(model, stages, options) }]
  })
}
