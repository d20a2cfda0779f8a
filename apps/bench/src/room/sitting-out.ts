import { blockMeans, type MeasuredBlock } from './block-means.ts'
import type { Extent } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import { OWN_METHODS } from './methods.ts'
import { mean } from './statistics.ts'

/** Measured in every block, however slow: what all others are compared with, and what is compared. */
const ALWAYS: readonly string[] = ['ort', 'offload', ...OWN_METHODS]

/** Of those the first to leave where there is no time even for them; the best rival does not. */
const FIRST_TO_GO: readonly string[] = ['auto+exits+cache', 'offload']

export interface BlockChoice {
  /** Methods of the next block; none where no block fits. */
  readonly goOn: readonly string[]
  /** Methods that leave the run now: how many times the best rival they took, and whether only the time was lacking. */
  readonly leave: readonly { readonly method: string; readonly times: number; readonly forTime: boolean }[]
}

export interface BlockChoiceOptions {
  readonly plans: readonly MethodPlan[]
  readonly measured: readonly MeasuredBlock[]
  /** Of those that are still measured: what a turn took. */
  readonly turnMs: ReadonlyMap<string, number>
  readonly remainingMs: number
  /** `Extent.sitOutAbove`. */
  readonly above: number
}

/**
 * Who is measured in the next block of a short run. Those far behind the best rival leave, then, where the rest does not fit
 * into the time, the slowest first, and at last the cache and an offloading that is not the best rival; never the best rival, `auto`,
 * `auto+exits` or what ratios are taken to. Only the requests
 * that also choose the rival of `summary` (every second one) decide, so that those it is compared on choose nothing.
 */
export function nextBlock({ plans, measured, turnMs, remainingMs, above }: BlockChoiceOptions): BlockChoice {
  const choosing = (method: string) => mean([...blockMeans(measured, method, 1).values()])
  const here = plans.filter(({ method, sameAs }) => sameAs === undefined && turnMs.has(method))
  const samplesOf = new Map(plans.map(({ method, sameAs }) => [method, sameAs ?? method]))
  const own = new Set(OWN_METHODS.map((method) => samplesOf.get(method) ?? method))
  const compared = new Set(['auto', 'auto+exits'].map((method) => samplesOf.get(method)))
  const rivals = plans.filter(({ method }) => !OWN_METHODS.some((name) => name === method))
  const best = rivals
    .map(({ method, sameAs }) => ({ method: sameAs ?? method, ms: choosing(sameAs ?? method) }))
    .filter(({ ms }) => Number.isFinite(ms))
    .sort((a, b) => a.ms - b.ms)[0]
  // Without ONNX Runtime alone the local plan is what ratios are taken to.
  const reference = here.some(({ method }) => method === 'ort') ? [] : ['local']
  const stays = new Set([...ALWAYS, ...reference].map((method) => samplesOf.get(method) ?? method))
  if (best !== undefined) stays.add(best.method)
  const times = (method: string) => choosing(method) / (best?.ms ?? Number.NaN)
  const leave: { method: string; times: number; forTime: boolean }[] = []
  const optional = here
    .filter(({ method }) => !stays.has(method) && !own.has(method))
    .map(({ method }) => ({ method, times: times(method) }))
    .sort((a, b) => b.times - a.times)
  const goOn = new Set(here.map(({ method }) => method))
  const needed = () => [...goOn].reduce((sum, method) => sum + (turnMs.get(method) ?? 0), 0)
  for (const { method, times } of optional) {
    const hopeless = times > above
    if (!hopeless && (above === Number.POSITIVE_INFINITY || needed() <= remainingMs)) continue
    goOn.delete(method)
    leave.push({ method, times, forTime: !hopeless })
  }
  // A second block of what matters most is worth more than none.
  for (const method of above === Number.POSITIVE_INFINITY ? [] : FIRST_TO_GO) {
    if (needed() <= remainingMs || method === best?.method || compared.has(method) || !goOn.has(method)) continue
    goOn.delete(method)
    leave.push({ method, times: times(method), forTime: true })
  }
  return needed() <= remainingMs ? { goOn: [...goOn], leave } : { goOn: [], leave: [] }
}

/** What a turn takes besides its requests, about: installing, warming up, settling. */
const TURN_MS = 2_300

/** What one turn of every plan will take, by their predictions. */
export function expectedBlockMs(plans: readonly MethodPlan[], { loopMs, minRequests }: Extent): number {
  return plans
    .filter(({ sameAs }) => sameAs === undefined)
    .reduce((sum, { plan }) => {
      const { latencyMs } = plan.predicted
      return sum + TURN_MS + latencyMs + Math.max(loopMs + latencyMs / 2, minRequests * latencyMs)
    }, 0)
}

/**
 * Who is left out of a run whose first block is not expected to fit into `remainingMs` (or that is `short` anyway): all that are predicted
 * to be far behind the best rival, then the slowest others until the rest fits. The libraries alone count as the local plan.
 */
export function leftOut(
  plans: readonly MethodPlan[],
  extent: Extent,
  { remainingMs, short }: { readonly remainingMs: number; readonly short: boolean },
): { method: string; times: number }[] {
  if (!short && expectedBlockMs(plans, extent) <= remainingMs) return []
  const rivals = plans.filter(({ method }) => !OWN_METHODS.some((name) => name === method))
  const bestMs = Math.min(...rivals.map(({ plan }) => plan.predicted.latencyMs))
  const shared = new Set(plans.flatMap(({ sameAs }) => sameAs ?? []))
  // Without ONNX Runtime alone the local plan is what ratios are taken to.
  const stays = plans.some(({ method }) => method === 'ort') ? ALWAYS : [...ALWAYS, 'local']
  const optional = rivals
    .filter(({ method }) => !stays.includes(method) && !shared.has(method))
    .map(({ method, plan }) => ({ method, times: plan.predicted.latencyMs / bestMs }))
    .sort((a, b) => b.times - a.times)
  const out: { method: string; times: number }[] = []
  const rest = () => plans.filter(({ method }) => !out.some((one) => one.method === method))
  for (const one of optional) {
    if (one.times > extent.sitOutAbove || (one.times > 1 && expectedBlockMs(rest(), extent) > remainingMs))
      out.push(one)
  }
  return out
}

/** A sentence for the notes. */
export function sittingOut({ method, times, forTime }: BlockChoice['leave'][number], blocks: number): string {
  const why = `${times.toFixed(1)} x the best rival${forTime ? ', and there was no time for all' : ''}`
  return `${method}: measured in ${blocks} block${blocks === 1 ? '' : 's'} only (${why})`
}
