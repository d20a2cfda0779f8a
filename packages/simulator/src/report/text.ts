import type { RequestRecord } from '../requests.ts'
import type { MethodRun, SimulationResult } from '../simulate.ts'

/** Timelines that are printed; the rest is in the JSON and the trace. */
const SHOWN = 5

/** The result for people: per method the figures, what was busy, the plans, and the first requests' timelines. */
export function describeSimulation(result: SimulationResult): string[] {
  const lines = [`${result.scenario || 'simulation'}, seed ${result.seed}: all times are simulated`]
  for (const run of result.runs) {
    lines.push('', ...describeRun(run))
    const own = result.requests.filter(({ method }) => method === run.method)
    for (const record of own.slice(0, SHOWN)) lines.push(...timeline(record))
    if (own.length > SHOWN) lines.push(`  ... and ${own.length - SHOWN} more requests (--json, --trace)`)
  }
  return lines
}

function describeRun(run: MethodRun): string[] {
  const { method, refused, percentiles: p, utilisation, replans, plan } = run
  if (refused !== undefined) return [`${method}: no plan: ${refused}`]
  const predicted = plan === undefined ? '' : ` (predicted ${plan.predicted.latencyMs.toFixed(1)} ms)`
  return [
    `${method}: ${p.count} answers, ${p.failed} failed, ${run.throughputPerSecond.toFixed(2)}/s`,
    `  mean ${ms(p.meanMs)}${predicted}, p50 ${ms(p.p50Ms)}, p95 ${ms(p.p95Ms)}, p99 ${ms(p.p99Ms)}, max ${ms(p.maxMs)}`,
    `  exits: ${Object.entries(run.exits)
      .map(([exit, share]) => `${exit} ${percent(share)}`)
      .join(', ')}; ${(run.bytes / 1024).toFixed(0)} KiB over links`,
    ...utilisation.devices.map((one) => `  ${one.device} ${one.backend}: ${percent(one.share)} busy, ${one.runs} runs`),
    ...utilisation.links.map(
      (one) => `  ${one.from} -> ${one.to}: ${percent(one.share)} busy, ${(one.bytes / 1024).toFixed(0)} KiB`,
    ),
    ...replans.map(
      (one) => `  at ${ms(one.atMs)}: ${one.reason}: ${one.outcome}${one.detail ? ` (${one.detail})` : ''}`,
    ),
  ]
}

function timeline({ id, startMs, endMs, outcome, exit, message, trace }: RequestRecord): string[] {
  const head = `  request ${id}: ${ms(startMs)} to ${ms(endMs)}, ${outcome === 'ok' ? `answered at ${exit}` : outcome}`
  const spans = (trace?.spans ?? []).filter((span) => span.endMs > span.startMs)
  return [
    `${head}${trace?.recovered === undefined ? '' : `, recovered: ${trace.recovered}`}${message ? `: ${message}` : ''}`,
    ...spans.map((span) => {
      const what = span.to === undefined ? span.kind : `${span.kind} to ${span.to}`
      return `    ${ms(span.startMs).padStart(10)} ${ms(span.endMs - span.startMs).padStart(10)}  ${span.device} ${what}`
    }),
  ]
}

const ms = (value: number): string => `${value.toFixed(1)} ms`
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
