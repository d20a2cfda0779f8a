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

/** Kinds of a device's rows, from above. */
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
/** Rows of one kind that a process may have. */
const MOST_ROWS = 1_000

interface Slice {
  readonly pid: number
  readonly row: number
  readonly ts: number
  readonly dur: number
  readonly name: string
  readonly cat?: string
  readonly args: Readonly<Record<string, unknown>>
}

/**
 * The spans of all requests as Chrome trace events: a process per device and method, a row per kind of work, and more rows
 * where work of one kind overlaps: viewers take overlapping slices of one row for nested ones. Opens in Perfetto and
 * chrome://tracing.
 */
export function chromeTrace(result: SimulationResult): { traceEvents: TraceEvent[]; displayTimeUnit: 'ms' } {
  const pids = new Map<string, number>()
  const slices: Slice[] = []
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
    return pid
  }
  for (const { id, method, startMs, endMs, outcome, exit, trace } of result.requests) {
    const pid = pidOf(method, 'requests')
    const args = { outcome, ...(exit === undefined ? {} : { exit }) }
    slices.push({ name: `request ${id}`, pid, row: 0, ...timesOf(startMs, endMs), args })
    for (const span of trace?.spans ?? []) {
      const row = ROWS.indexOf(span.kind)
      slices.push({
        name: span.to === undefined ? `${span.kind} ${id}` : `${span.kind} ${id} to ${span.to}`,
        cat: span.kind,
        pid: pidOf(method, span.device),
        row: row < 0 ? ROWS.length - 1 : row,
        ...timesOf(startMs + span.startMs, startMs + span.endMs),
        args: { request: id, volume: span.volume, bytes: span.bytes, exit: span.exit },
      })
    }
  }
  events.push(...inRows(slices))
  for (const { method, replans } of result.runs) {
    for (const { atMs, reason, outcome } of replans) {
      const pid = pidOf(method, 'requests')
      events.push({ name: `plan: ${reason}, ${outcome}`, ph: 'i', s: 'g', pid, tid: 0, ts: us(atMs) })
    }
  }
  return { traceEvents: events, displayTimeUnit: 'ms' }
}

/** Each slice in the first row of its kind that is free again, rows named when they are first used. */
function inRows(slices: readonly Slice[]): TraceEvent[] {
  const events: TraceEvent[] = []
  const ends = new Map<string, number[]>()
  for (const { pid, row, ...slice } of slices.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    const key = `${pid} ${row}`
    const free = ends.get(key) ?? []
    ends.set(key, free)
    const first = free.findIndex((endsAt) => endsAt <= slice.ts)
    const at = first < 0 ? Math.min(free.length, MOST_ROWS - 1) : first
    const tid = row * MOST_ROWS + at
    if (at === free.length) {
      const name = at === 0 ? ROWS[row] : `${ROWS[row]} ${at + 1}`
      events.push({ name: 'thread_name', ph: 'M', pid, tid, args: { name } })
      events.push({ name: 'thread_sort_index', ph: 'M', pid, tid, args: { sort_index: tid } })
    }
    free[at] = slice.ts + slice.dur
    events.push({ ...slice, ph: 'X', pid, tid })
  }
  return events
}

/** Helpers' spans are placed between messages: one placed behind the request's end would last less than no time, which viewers refuse. */
function timesOf(startMs: number, endMs: number): { readonly ts: number; readonly dur: number } {
  const ts = us(startMs)
  return { ts, dur: Math.max(0, us(endMs) - ts) }
}

const us = (ms: number): number => Math.round(ms * 1000)
