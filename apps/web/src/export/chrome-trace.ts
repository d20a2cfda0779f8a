import type { DeviceId, RequestView } from 'roomful'

/**
 * Requests as Chrome trace events (the Trace Event Format's complete events, `ph: 'X'`, microseconds), for Perfetto and
 * chrome://tracing. One process a device; requests follow one another in the order they ended.
 */
export function chromeTrace(requests: readonly RequestView[], mark: (id: DeviceId) => { name: string }): string {
  const processes = new Map<DeviceId, number>()
  const events: object[] = []
  let offsetMs = 0
  for (const { trace } of requests) {
    for (const span of trace.spans) {
      let pid = processes.get(span.device)
      if (pid === undefined) {
        pid = processes.size + 1
        processes.set(span.device, pid)
        events.push({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name: mark(span.device).name } })
      }
      events.push({
        name: span.exit ?? (span.volume === undefined ? span.kind : `${span.kind} ${span.volume + 1}`),
        cat: span.kind,
        ph: 'X',
        pid,
        tid: span.kind === 'transfer' ? 2 : span.kind === 'exit' ? 3 : 1,
        ts: (offsetMs + span.startMs) * 1000,
        dur: (span.endMs - span.startMs) * 1000,
        args: { request: trace.request, bytes: span.bytes },
      })
    }
    offsetMs += trace.totalMs + 1
  }
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms' })
}
