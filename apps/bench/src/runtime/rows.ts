import type { DeviceId } from '@roomful/core'
import { percentile } from '../room/statistics.ts'
import { floorOf, type LinkCosts } from './floor.ts'
import type { RuntimeSample } from './sample.ts'
import type { RuntimeShape } from './shapes.ts'

export interface Spread {
  readonly median: number
  readonly p95: number
}

/** One plan's figures, in milliseconds; apps/bench/METHODOLOGY.md defines each. */
export interface RuntimeRow {
  readonly shape: RuntimeShape['shape']
  readonly devices: number
  readonly requests: number
  /** Requests that a second completion answered, or whose trace lacks a stage: left out of the figures. */
  readonly leftOut: number
  readonly totalMs: Spread
  readonly computeMs: Spread
  readonly linkMs: Spread
  readonly overheadMs: Spread
  /** Medians of parts of the overhead that the trace knows, summed over all devices. */
  readonly ofThat: { readonly preprocessMs: number; readonly codecMs: number; readonly queueMs: number }
}

export function rowOf(
  { shape, devices, plan }: RuntimeShape,
  samples: readonly RuntimeSample[],
  links: LinkCosts,
  initiator: DeviceId,
): RuntimeRow {
  const counted = samples.flatMap(({ ms, trace }) => {
    const floor = trace.recovered === undefined ? floorOf(plan, trace.spans, links, initiator) : undefined
    if (floor === undefined) return []
    const sum = (...kinds: readonly string[]) =>
      trace.spans.reduce((total, span) => total + (kinds.includes(span.kind) ? span.endMs - span.startMs : 0), 0)
    return [
      {
        ...floor,
        totalMs: ms,
        overheadMs: ms - floor.ms,
        preprocessMs: sum('preprocess'),
        codecMs: sum('encode', 'decode'),
        queueMs: sum('queue'),
      },
    ]
  })
  const spread = (key: keyof (typeof counted)[number]) => spreadOf(counted.map((one) => one[key]))
  return {
    shape,
    devices,
    requests: counted.length,
    leftOut: samples.length - counted.length,
    totalMs: spread('totalMs'),
    computeMs: spread('computeMs'),
    linkMs: spread('linkMs'),
    overheadMs: spread('overheadMs'),
    ofThat: {
      preprocessMs: spread('preprocessMs').median,
      codecMs: spread('codecMs').median,
      queueMs: spread('queueMs').median,
    },
  }
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: percentile(values, 0.5), p95: percentile(values, 0.95) }
}
