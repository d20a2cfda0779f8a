import type { SpanKind, Trace } from 'roomful'

/**
 * Cumulative heights of each group for each trace: result[g][t] = milliseconds of groups 0..g in trace t. Work of several
 * devices at once can add up to more than the request took, so a stack is scaled down to the measured total; time that no
 * span explains is added to the last group (waiting).
 */
export function stackByGroup(traces: readonly Trace[], groups: readonly (readonly SpanKind[])[]): number[][] {
  const stack: number[][] = groups.map(() => [])
  for (const trace of traces) {
    const sums = groups.map((kinds) =>
      trace.spans.reduce((sum, span) => sum + (kinds.includes(span.kind) ? span.endMs - span.startMs : 0), 0),
    )
    const sum = sums.reduce((a, b) => a + b, 0)
    const scale = sum > trace.totalMs && sum > 0 ? trace.totalMs / sum : 1
    let top = 0
    for (const [group, value] of sums.entries()) {
      const isLast = group === sums.length - 1
      top = isLast ? Math.max(trace.totalMs, top + value * scale) : top + value * scale
      stack[group]?.push(top)
    }
  }
  return stack
}
