import { type Clock, type DeviceProfile, sleep } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import type { Asking } from './asking.ts'
import type { PlanningDesk } from './plan/planning-desk.ts'
import type { SnapshotStore } from './view/store.ts'
import { whenAsked } from './when-asked.ts'

const FIRST_QUIET_MS = 700
/** Between two looks at whether it is time to measure: each is a task of a weak page's thread. */
const LOOK_MS = 2_000
/**
 * Once known it waits for a longer rest: every two minutes it took a page at a quarter of a core 0.5 s of processor, two seconds on the clock, in which
 * requests waited.
 */
const AGAIN = { everyMs: 600_000, quietMs: 10_000 }
const RUNS = 3

export interface AloneOptions {
  readonly runtime: Pick<Runtime, 'counts' | 'prepare' | 'infer' | 'retire'>
  readonly desk: Pick<PlanningDesk, 'model' | 'planAlone'>
  readonly asking: Pick<Asking, 'busy' | 'idle'>
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly self: () => DeviceProfile
  readonly signal: AbortSignal
}

/**
 * Measures now and then, while nothing else runs, how long this device needs for the whole network alone (without exits,
 * preprocessing included, median of three). Begins after the first answer, when somebody can compare. Ends with `signal`.
 */
export async function measureAlone(options: AloneOptions): Promise<void> {
  const { asking, clock, store, desk, signal } = options
  let measuredFor: unknown
  let nextMs = 0
  for (;;) {
    await sleep(clock, LOOK_MS, signal)
    const { model } = desk
    if (store.snapshot.stats.answered === 0 || model === undefined) continue
    if (measuredFor === model.pack && clock.now() < nextMs) continue
    // What others have computed here meanwhile would count as this device's own slowness.
    if (options.runtime.counts.worker.foreign > 0) continue
    await asking.idle(measuredFor === model.pack ? AGAIN.quietMs : FIRST_QUIET_MS, signal)
    const aloneMs = await measureOnce(options).catch(() => undefined)
    signal.throwIfAborted()
    // What failed is tried again after the usual pause: nothing depends on it.
    measuredFor = model.pack
    nextMs = clock.now() + AGAIN.everyMs
    if (aloneMs !== undefined && desk.model === model) store.update({ stats: { ...store.snapshot.stats, aloneMs } })
  }
}

async function measureOnce({ runtime, desk, asking, clock, self, signal }: AloneOptions): Promise<number | undefined> {
  const { model } = desk
  if (model === undefined) return undefined
  const plan = await desk.planAlone(model, self())
  if (plan === undefined) return undefined
  const installed = await runtime.prepare(plan, signal)
  const isAsked = () => asking.busy || runtime.counts.worker.foreign > 0
  const disturbed = new AbortController()
  const ends = AbortSignal.any([signal, disturbed.signal])
  // A large network takes a weak device seconds: whoever asks meanwhile does not wait for them.
  const stopLooking = whenAsked(clock, isAsked, () => disturbed.abort(new DOMException('somebody asks', 'AbortError')))
  try {
    const { width, height } = model.pack.manifest.input
    const picture = { width, height, data: new Uint8ClampedArray(width * height * 4).fill(128) }
    const times: number[] = []
    for (let run = 0; run < RUNS; run++) {
      // A person's request goes first, and others' must not be timed along: half a measurement is none.
      if (isAsked()) return undefined
      times.push((await runtime.infer({ picture }, { plan: installed, signal: ends })).trace.totalMs)
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]
  } finally {
    stopLooking()
    runtime.retire(installed)
  }
}
