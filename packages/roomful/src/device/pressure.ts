import { utilisationOf } from '@roomful/planner'

/** What is used of a `PressureRecord` (Compute Pressure API, W3C). */
export interface PressureRecord {
  readonly state: string
  /** Share of the pressure that comes from this page, 0..1, in browsers that estimate it. */
  readonly ownContributionEstimate?: number | null
}

/** What is used of `PressureObserver`. */
export interface PressureObserverType {
  new (
    onRecords: (records: readonly PressureRecord[]) => void,
  ): {
    observe(source: 'cpu', options: { readonly sampleInterval: number }): Promise<void>
    disconnect(): void
  }
}

export interface PressureOptions {
  /** Whether this page computes now: what the browser then reports says nothing about others. */
  readonly busy: () => boolean
  readonly onLoad: (load: number) => void
  /** Default: the browser's, where it has one. */
  readonly observer?: PressureObserverType
}

const SAMPLE_MS = 1_000
/** So many records in a row must agree: pressure comes in bursts. */
const STEADY = 3
/** At most this share counts as taken by others: a device that is reported critical still computes. */
const MOST = 0.9
/** Where the browser reports its lowest state, nothing is taken. */
const NOTHING = 'nominal'

/**
 * The share of the processor that other programs take, from the Compute Pressure API where the browser has it: the u of
 * `T = a(u) F + b`. Only what it reports while this page computes nothing counts, or what is left without this page's own
 * contribution. Elsewhere measured against predicted times tell the same later. Ends with `signal`.
 */
export function watchPressure({ busy, onLoad, observer }: PressureOptions, signal: AbortSignal): void {
  const Observer = observer ?? (globalThis as { PressureObserver?: PressureObserverType }).PressureObserver
  if (Observer === undefined || signal.aborted) return
  let told = 0
  let seen: { readonly load: number; readonly times: number } = { load: 0, times: 0 }
  const take = (record: PressureRecord) => {
    const load = loadOf(record, busy())
    if (load === undefined) return
    seen = { load, times: load === seen.load ? seen.times + 1 : 1 }
    if (seen.times < STEADY || load === told) return
    told = load
    onLoad(load)
  }
  const watching = new Observer((records) => {
    if (!signal.aborted) for (const record of records) take(record)
  })
  signal.addEventListener('abort', () => watching.disconnect(), { once: true })
  watching.observe('cpu', { sampleInterval: SAMPLE_MS }).catch(() => {
    // Refused by the browser or by the page's permissions: planned without it.
  })
}

function loadOf({ state, ownContributionEstimate: own }: PressureRecord, busy: boolean): number | undefined {
  const utilisation = state === NOTHING ? 0 : utilisationOf(state)
  if (utilisation === undefined) return undefined
  if (typeof own === 'number' && own >= 0 && own <= 1) return Math.min(MOST, utilisation * (1 - own))
  return busy ? undefined : Math.min(MOST, utilisation)
}
