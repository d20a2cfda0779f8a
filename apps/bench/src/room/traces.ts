import { type ChromeTrace, chromeTraceOf, type Trace } from '@roomful/core'

/** The story of one request of a run's blocks, by the numbers that its sample has in the result. */
export interface RequestTrace {
  readonly method: string
  /** From 0. */
  readonly block: number
  /** Its place in the block, from 0. */
  readonly request: number
  readonly trace: Trace
}

/** Which requests a Chrome trace shows: of each method the one of median length or the longest, all, or a certain one. */
export type TraceChoice = 'median' | 'slowest' | 'all' | Omit<RequestTrace, 'trace'>

/** `median`, `slowest`, `all`, or `METHOD:BLOCK:REQUEST` as in the samples; undefined for anything else. */
export function traceChoice(text: string): TraceChoice | undefined {
  if (text === 'median' || text === 'slowest' || text === 'all') return text
  const [, method, block, request] = /^([\w+-]+):(\d+):(\d+)$/.exec(text) ?? []
  return method === undefined ? undefined : { method, block: Number(block), request: Number(request) }
}

/** Of each method the request of median length in the last block in which it answered. */
export function medianTraces(traces: readonly RequestTrace[]): Record<string, Trace> {
  return Object.fromEntries(
    [...byMethod(traces)].flatMap(([method, own]) => {
      const last = Math.max(...own.map(({ block }) => block))
      const sorted = own.filter(({ block }) => block === last).sort((a, b) => a.trace.totalMs - b.trace.totalMs)
      const median = sorted[sorted.length >> 1]
      return median === undefined ? [] : [[method, median.trace]]
    }),
  )
}

export interface TracedRun {
  readonly scenario: string
  readonly requestTraces: readonly RequestTrace[]
  readonly names: Readonly<Record<string, string>>
}

/** The chosen requests of the runs as one Chrome trace, one after the other; without events where none was chosen. */
export function roomTrace(runs: readonly TracedRun[], choice: TraceChoice = 'median'): ChromeTrace {
  const names = new Map(runs.flatMap(({ names }) => Object.entries(names)))
  const requests = runs.flatMap(({ scenario, requestTraces }) =>
    chosen(requestTraces, choice).map(({ label, trace }) => ({ label: `${scenario} ${label}`, trace })),
  )
  return chromeTraceOf(requests, (device) => names.get(device) ?? device)
}

function chosen(traces: readonly RequestTrace[], choice: TraceChoice): { label: string; trace: Trace }[] {
  if (choice === 'median') return Object.entries(medianTraces(traces)).map(([label, trace]) => ({ label, trace }))
  return picked(traces, choice).map(({ method, block, request, trace }) => ({
    label: `${method}:${block}:${request}`,
    trace,
  }))
}

function picked(traces: readonly RequestTrace[], choice: Exclude<TraceChoice, 'median'>): readonly RequestTrace[] {
  if (choice === 'all') return traces
  if (choice === 'slowest') {
    return [...byMethod(traces).values()].flatMap((own) =>
      own.toSorted((a, b) => b.trace.totalMs - a.trace.totalMs).slice(0, 1),
    )
  }
  return traces.filter(
    ({ method, block, request }) => method === choice.method && block === choice.block && request === choice.request,
  )
}

function byMethod(traces: readonly RequestTrace[]): Map<string, RequestTrace[]> {
  const out = new Map<string, RequestTrace[]>()
  for (const each of traces) out.set(each.method, [...(out.get(each.method) ?? []), each])
  return out
}
