import type { Backend, DeviceId, ExitName, Plan, Range, TensorName, Trace } from '@roomful/core'
import type { InstalledPlan } from './installer.ts'

/** A measured time, for the predictor to learn from. */
export type Measurement =
  | {
      readonly kind: 'compute'
      readonly device: DeviceId
      readonly backend: Backend
      readonly from: TensorName
      readonly to: TensorName
      readonly rows?: Range
      readonly ms: number
    }
  | {
      readonly kind: 'exit'
      readonly device: DeviceId
      readonly backend: Backend
      readonly exit: ExitName
      readonly ms: number
    }
  /** One message on one link, from leaving the sender to arriving at the receiver. */
  | {
      readonly kind: 'transfer'
      readonly from: DeviceId
      readonly to: DeviceId
      readonly bytes: number
      readonly ms: number
    }
  /** A request from asking to its answer, one that was asked when the last had its own and that had the device for itself. */
  | { readonly kind: 'request'; readonly plan: Plan; readonly exit: ExitName; readonly ms: number }

/** What one trace tells: compute per shard and per exit (segments added up), and transfers of known size. */
export function measurementsOf({ plan }: InstalledPlan, { spans, recovered }: Trace): Measurement[] {
  if (recovered !== undefined) return []
  const found: Measurement[] = []
  for (const [index, volume] of plan.volumes.entries()) {
    for (const shard of volume.shards) {
      const own = spans.filter((s) => s.kind === 'compute' && s.device === shard.device && s.volume === index)
      const { device, backend, rows } = shard
      if (own.length === 0 || volume.shards.filter((other) => other.device === device).length > 1) continue
      const ms = own.reduce((sum, span) => sum + span.endMs - span.startMs, 0)
      const { from, to } = volume
      found.push({ kind: 'compute', device, backend, from, to, ms, ...(rows === undefined ? {} : { rows }) })
    }
  }
  for (const { exit, device, backend } of plan.exits) {
    const own = spans.filter((span) => span.kind === 'exit' && span.device === device && span.exit === exit)
    const ms = own.reduce((sum, span) => sum + span.endMs - span.startMs, 0)
    if (own.length > 0) found.push({ kind: 'exit', device, backend, exit, ms })
  }
  for (const { device, kind, startMs, endMs, bytes, to } of spans) {
    if (kind === 'transfer' && to !== undefined && bytes !== undefined && endMs > startMs) {
      found.push({ kind: 'transfer', from: device, to, bytes, ms: endMs - startMs })
    }
  }
  return found
}
