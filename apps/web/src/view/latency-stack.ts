import type { DeviceId, SpanKind, Trace } from 'roomful'

/** One part of a bar: some kinds of work, on one device where `device` is given. */
export interface Part {
  readonly kinds: readonly SpanKind[]
  readonly device?: DeviceId
}

/** Devices that computed in any of the traces, in the order in which they first did. */
export function computingDevices(traces: readonly Trace[]): DeviceId[] {
  const devices = new Set<DeviceId>()
  for (const { spans } of traces)
    for (const { kind, device } of spans) if (kind === 'compute' || kind === 'exit') devices.add(device)
  return [...devices]
}

/**
 * Cumulative heights of each part for each trace: result[p][t] = milliseconds of parts 0..p in trace t. Work of several
 * devices at once can add up to more than the request took, so a stack is scaled down to the measured total; time that no
 * span explains is added to the last part (waiting).
 */
export function stackByPart(traces: readonly Trace[], parts: readonly Part[]): number[][] {
  const stack: number[][] = parts.map(() => [])
  for (const trace of traces) {
    const sums = parts.map(({ kinds, device }) =>
      trace.spans.reduce((sum, span) => {
        const counts = kinds.includes(span.kind) && (device === undefined || span.device === device)
        return sum + (counts ? span.endMs - span.startMs : 0)
      }, 0),
    )
    const sum = sums.reduce((a, b) => a + b, 0)
    const scale = sum > trace.totalMs && sum > 0 ? trace.totalMs / sum : 1
    let top = 0
    for (const [part, value] of sums.entries()) {
      const isLast = part === sums.length - 1
      top = isLast ? Math.max(trace.totalMs, top + value * scale) : top + value * scale
      stack[part]?.push(top)
    }
  }
  return stack
}
