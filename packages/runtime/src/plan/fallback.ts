import type { Backend, DeviceId, Plan } from '@roomful/core'

/**
 * The first cut of a plan that travels to another device; undefined when nothing does. What lies before it has been kept
 * on the initiator by the plan's choice (privacy, or cost), and recovery keeps it there too.
 */
export function firstSharedCut(plan: Plan, self: DeviceId): number | undefined {
  const shared = plan.volumes.findIndex(({ shards }) => shards.some(({ device }) => device !== self))
  return shared < 0 ? undefined : shared
}

/**
 * The plan by which one device completes a request of `plan` alone, from any of its cuts: the same volumes, each whole on
 * that device, but for those before the first shared cut, which stay as they are on the initiator. Cuts and bottlenecks
 * are kept, so a feature map kept at cut k of `plan` is the input of volume k here. Elsewhere the picture travels as it does by `plan`: as a
 * tensor it would be sixty times as long, and a phone that is late already would be later.
 */
export function fallbackPlan(plan: Plan, { device, backend }: RecoveryCandidate, self: DeviceId): Plan {
  const own = device === self ? 0 : (firstSharedCut(plan, self) ?? 0)
  return {
    model: plan.model,
    trunk: plan.trunk,
    input: own === 0 && device !== self ? plan.input : { kind: 'tensor' },
    volumes: plan.volumes.map((volume, index) => ({
      ...volume,
      shards: index < own ? volume.shards : [{ device, backend }],
      route: 'peer' as const,
    })),
    exits: plan.exits.map((exit) =>
      exit.device === self && own > 0 ? exit : { ...exit, device, backend, mode: 'wait' },
    ),
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
  /** Whether the plan sends anything to other devices; if not, recovery does not either. */
  readonly mayLeave: boolean
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
  if (!snapshot.mayLeave) return here
  return snapshot.holdsModel ? [...here, ...elsewhere] : [...elsewhere, ...here]
}
