import type { DeviceId } from './ids.ts'
import type { Trace } from './trace.ts'

/** A complete event or a name in the Trace Event Format; times in microseconds. */
export interface ChromeTraceEvent {
  readonly name: string
  readonly ph: 'X' | 'M'
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  readonly args?: Readonly<Record<string, unknown>>
}

export interface ChromeTrace {
  readonly traceEvents: readonly ChromeTraceEvent[]
  readonly displayTimeUnit: 'ms'
}

/** What happens beside each other on one device gets lines of its own. */
const LINES: Readonly<Record<string, number>> = { transfer: 2, exit: 3 }
const GAP_MS = 1

/**
 * Requests as Chrome trace events, one after the other, for Perfetto and chrome://tracing: a process per device and label,
 * and a line with the whole request on the first one.
 */
export function chromeTraceOf(
  requests: readonly { readonly label?: string; readonly trace: Trace }[],
  nameOf: (device: DeviceId) => string,
): ChromeTrace {
  const processes = new Map<string, number>()
  const events: ChromeTraceEvent[] = []
  // By device, not by name: two devices may have the same.
  const processOf = (key: string, name: string): number => {
    const known = processes.get(key)
    if (known !== undefined) return known
    const pid = processes.size + 1
    processes.set(key, pid)
    events.push({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name } })
    return pid
  }
  let offsetMs = 0
  for (const { label, trace } of requests) {
    const { request, method, source, exit, totalMs, recovered } = trace
    const args = { request, method, source, exit, ...(recovered === undefined ? {} : { recovered }) }
    const whole = { ph: 'X', tid: 1, ts: offsetMs * 1000, dur: totalMs * 1000 } as const
    events.push({ name: label ?? method, pid: processOf('', 'requests'), cat: 'request', args, ...whole })
    for (const span of trace.spans) {
      events.push({
        name: span.exit ?? (span.volume === undefined ? span.kind : `${span.kind} ${span.volume + 1}`),
        cat: span.kind,
        ph: 'X',
        pid: processOf(span.device, nameOf(span.device)),
        tid: LINES[span.kind] ?? 1,
        ts: (offsetMs + span.startMs) * 1000,
        dur: (span.endMs - span.startMs) * 1000,
        args: { request, ...(span.bytes === undefined ? {} : { bytes: span.bytes }) },
      })
    }
    offsetMs += totalMs + GAP_MS
  }
  return { traceEvents: events, displayTimeUnit: 'ms' }
}
