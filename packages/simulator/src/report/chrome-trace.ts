import type { DeviceId } from '@roomful/core'
import type { SimulationResult } from '../simulate.ts'

/** One event of the Trace Event Format (complete events and metadata); times in microseconds. */
export interface TraceEvent {
  readonly name: string
  readonly ph: 'X' | 'M' | 'i'
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly dur?: number
  readonly cat?: string
  readonly s?: 'g'
  readonly args?: Readonly<Record<string, unknown>>
}

/** Rows of a device, so that what runs at once does not overlap. */
const ROWS: readonly string[] = [
  'requests',
  'compute',
  'exit',
  'encode',
  'transfer',
  'decode',
  'queue',
  'wait',
  'other',
]

/**
 * The spans of all requests as Chrome trace events: a process per device and method, a row per kind of work. Opens in
 * Perfetto and chrome://tracing.
 */
export function chromeTrace(result: SimulationResult): { traceEvents: TraceEvent[]; displayTimeUnit: 'ms' } {
  const pids = new Map<string, number>()
  const events: TraceEvent[] = []
  const several = result.runs.length > 1
  const pidOf = (method: string, device: DeviceId | string): number => {
    const key = `${method} ${device}`
    const known = pids.get(key)
    if (known !== undefined) return known
    const pid = pids.size + 1
    pids.set(key, pid)
    const name = several ? `${device} (${method})` : device
    events.push({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name } })
    for (const [tid, row] of ROWS.entries())
      events.push({ name: 'thread_name', ph: 'M', pid, tid, args: { name: row } })
    return pid
  }
  for (const { id, method, startMs, endMs, outcome, exit, trace } of result.requests) {
    const pid = pidOf(method, 'requests')
    const args = { outcome, ...(exit === undefined ? {} : { exit }) }
    events.push({ name: `request ${id}`, ph: 'X', pid, tid: id % 16, ts: us(startMs), dur: us(endMs - startMs), args })
    for (const span of trace?.spans ?? []) {
      const row = ROWS.indexOf(span.kind)
      events.push({
        name: span.to === undefined ? `${span.kind} ${id}` : `${span.kind} ${id} to ${span.to}`,
        cat: span.kind,
        ph: 'X',
        pid: pidOf(method, span.device),
        tid: row < 0 ? ROWS.length - 1 : row,
        ts: us(startMs + span.startMs),
        dur: us(span.endMs - span.startMs),
        args: { request: id, volume: span.volume, bytes: span.bytes, exit: span.exit },
      })
    }
  }
  for (const { method, replans } of result.runs) {
    for (const { atMs, reason, outcome } of replans) {
      const pid = pidOf(method, 'requests')
      events.push({ name: `plan: ${reason}, ${outcome}`, ph: 'i', s: 'g', pid, tid: 0, ts: us(atMs) })
    }
  }
  return { traceEvents: events, displayTimeUnit: 'ms' }
}

const us = (ms: number): number => Math.round(ms * 1000)
