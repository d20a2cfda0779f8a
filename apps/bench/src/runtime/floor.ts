import type { DeviceId, Plan, Span } from '@roomful/core'

/** What a link itself costs, measured without Roomful. */
export interface LinkCost {
  readonly rttMs: number
  /** Bytes per millisecond. */
  readonly bytesPerMs: number
}

/** The cost of the link between two devices. */
export type LinkCosts = (from: DeviceId, to: DeviceId) => LinkCost

export interface Floor {
  /** Longest path of compute and links from the request to its answer. */
  readonly ms: number
  /** Compute on that path. */
  readonly computeMs: number
  /** Bytes over bandwidth, and half a round trip per hop, on that path. */
  readonly linkMs: number
}

interface Reached {
  readonly ms: number
  readonly computeMs: number
}

const START: Reached = { ms: 0, computeMs: 0 }

/**
 * What a request had to take whatever runs it: with `compute(v, d)` the time that device d computed for volume v, as its
 * trace tells, and `hop(a, b, n) = rtt/2 + n / bandwidth` for a message of n bytes,
 *
 *     finish(v, d) = max over senders s of rows that d needed (finish(v-1, s) + hop(s, d, n)) + compute(v, d)
 *
 * and the answer is there at the last finish plus half a round trip when it comes from a helper. The first maps come from
 * the initiator at 0; a device sends itself nothing. Undefined when the trace lacks the compute of a shard. For plans
 * without exits whose shards of one volume are on different devices.
 */
export function floorOf(plan: Plan, spans: readonly Span[], links: LinkCosts, initiator: DeviceId): Floor | undefined {
  let before = new Map<DeviceId, Reached>([[initiator, START]])
  for (const [volume, { shards }] of plan.volumes.entries()) {
    const after = new Map<DeviceId, Reached>()
    for (const { device } of shards) {
      const computeMs = computeOf(spans, volume, device)
      const input = inputOf(before, spans, volume, device, links)
      if (computeMs === undefined || input === undefined) return undefined
      after.set(device, { ms: input.ms + computeMs, computeMs: input.computeMs + computeMs })
    }
    before = after
  }
  const answers = [...before].map(([device, { ms, computeMs }]) => {
    return { ms: ms + (device === initiator ? 0 : links(device, initiator).rttMs / 2), computeMs }
  })
  const last = latest(answers)
  return last === undefined ? undefined : { ...last, linkMs: last.ms - last.computeMs }
}

function computeOf(spans: readonly Span[], volume: number, device: DeviceId): number | undefined {
  const own = spans.filter((span) => span.kind === 'compute' && span.volume === volume && span.device === device)
  return own.length === 0 ? undefined : own.reduce((sum, span) => sum + span.endMs - span.startMs, 0)
}

/** When the last rows that the device needed were there. */
function inputOf(
  senders: ReadonlyMap<DeviceId, Reached>,
  spans: readonly Span[],
  volume: number,
  device: DeviceId,
  links: LinkCosts,
): Reached | undefined {
  const arrivals = [...senders].flatMap(([sender, { ms, computeMs }]) => {
    if (sender === device) return { ms, computeMs }
    const bytes = spans
      .filter(
        ({ kind, to, ...span }) =>
          kind === 'transfer' && to === device && span.device === sender && span.volume === volume,
      )
      .reduce((sum, span) => sum + (span.bytes ?? 0), 0)
    if (bytes === 0) return []
    const { rttMs, bytesPerMs } = links(sender, device)
    return { ms: ms + rttMs / 2 + bytes / bytesPerMs, computeMs }
  })
  return latest(arrivals)
}

function latest(all: readonly Reached[]): Reached | undefined {
  return all.toSorted((a, b) => a.ms - b.ms).at(-1)
}
