import type { Backend, DeviceId, Plan } from '@roomful/core'

/**
 * The plan by which one device completes a request of `plan` alone, from any of its cuts: the same volumes, each whole on
 * that device. Cuts and bottlenecks are kept, so a feature map kept at cut k of `plan` is the input of volume k here.
 */
export function fallbackPlan(plan: Plan, device: DeviceId, backend: Backend): Plan {
  return {
    model: plan.model,
    trunk: plan.trunk,
    input: { kind: 'tensor' },
    volumes: plan.volumes.map(({ from, to, wire }) => ({
      from,
      to,
      shards: [{ device, backend }],
      wire,
      route: 'peer' as const,
    })),
    exits: plan.exits.map(({ exit, threshold }) => ({ exit, device, backend, threshold, mode: 'wait' as const })),
    predicted: plan.predicted,
    method: `fallback of ${plan.method}`.slice(0, 200),
  }
}

/** A place where a request may be completed alone. */
export interface RecoveryCandidate {
  readonly device: DeviceId
  readonly backend: Backend
}

/** What the choice is made of: a snapshot, no I/O. */
export interface RecoverySnapshot {
  readonly self: DeviceId
  /** Backends of this device, fastest first. */
  readonly ownBackends: readonly Backend[]
  /** Whether this device holds all weights (or needs nobody to get them). */
  readonly holdsModel: boolean
  /** Linked devices that lend compute, with their backends, fastest first, and speed. */
  readonly helpers: readonly {
    readonly device: DeviceId
    readonly backends: readonly Backend[]
    readonly gmacsPerSecond: number
    readonly load: number
  }[]
  /** Devices that failed this request, were lost, are late or away. */
  readonly excluded: ReadonlySet<DeviceId>
  /** Own backends that are gone. */
  readonly lostBackends: ReadonlySet<Backend>
}

/**
 * Where to complete, best first: here when the model is held, else on the fastest free helper first (fetching the rest of
 * the weights would take longer), and here last of all.
 */
export function recoveryOrder(snapshot: RecoverySnapshot): RecoveryCandidate[] {
  const backend = snapshot.ownBackends.find((own) => !snapshot.lostBackends.has(own))
  const here = backend === undefined || snapshot.excluded.has(snapshot.self) ? [] : [{ device: snapshot.self, backend }]
  const free = (helper: { gmacsPerSecond: number; load: number }) => helper.gmacsPerSecond * (1 - helper.load)
  const elsewhere = snapshot.helpers
    .filter((helper) => !snapshot.excluded.has(helper.device))
    .toSorted((a, b) => free(b) - free(a))
    .flatMap(({ device, backends: [first] }) => (first === undefined ? [] : [{ device, backend: first }]))
  return snapshot.holdsModel ? [...here, ...elsewhere] : [...elsewhere, ...here]
}
