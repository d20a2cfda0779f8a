import type { Clock, Plan } from '@roomful/core'
import { planDevices } from '@roomful/core'
import type { InstalledPlan, Runtime } from '@roomful/runtime'
import type { RecentPictures } from '../picture/recent-pictures.ts'
import type { Picture } from '../session.ts'
import type { TrialTimes } from '../snapshot.ts'

/** Runs of each plan in a trial, about: every picture equally often. */
const RUNS = 9
/** So many runs of each say enough where a plan is hopeless, or the trial takes long. */
const FEWEST = 3
const HOPELESS = 2
const LONG_MS = 20_000
const GREY = 128

export interface TrialOptions {
  readonly runtime: Pick<Runtime, 'prepare' | 'retire' | 'infer' | 'usable'>
  readonly clock: Clock
  readonly pictures: Pick<RecentPictures, 'among'>
  /** The model's input. */
  readonly size: { readonly width: number; readonly height: number }
  /** Whether somebody asks something: then the trial ends. */
  readonly isAsking: () => boolean
  readonly signal: AbortSignal
}

/**
 * Runs a plan beside the one in use, in turns on the pictures of the last requests (a grey one where there are none), each of
 * them equally often, without the cache. Undefined when somebody asks meanwhile: half a trial is none.
 * @throws RuntimeError when the plan cannot be prepared or run; `signal.reason`
 */
export async function tryPlan(
  plan: Plan,
  current: InstalledPlan,
  { runtime, clock, pictures, size, isAsking, signal }: TrialOptions,
): Promise<TrialTimes | undefined> {
  const recent = pictures.among([...planDevices(plan), ...planDevices(current.plan)])
  const shown = recent.length > 0 ? recent : [greyPicture(size)]
  const candidate = await runtime.prepare(plan, signal)
  const run = async (installed: InstalledPlan, picture: Picture) => {
    const copy = { ...picture, data: picture.data.slice() }
    return (await runtime.infer({ picture: copy }, { plan: installed, signal, cache: false })).trace.totalMs
  }
  const times = shown.map((picture) => ({ picture, currentMs: [] as number[], candidateMs: [] as number[] }))
  const rounds = Math.ceil(RUNS / shown.length)
  const startMs = clock.now()
  try {
    let runs = 0
    // The first round warms both.
    for (let round = -1; round < rounds; round++) {
      for (const [at, { picture, currentMs, candidateMs }] of times.entries()) {
        if (isAsking() || !runtime.usable(current)) return undefined
        // Who goes first takes turns: the second one finds links and processors awake.
        const currentFirst = (round + at) % 2 === 0
        const early = currentFirst ? await run(current, picture) : undefined
        const other = await run(candidate, picture)
        const own = early ?? (await run(current, picture))
        if (round < 0) continue
        currentMs.push(own)
        candidateMs.push(other)
        runs++
        const soFar = summary(times, recent.length, runs)
        const isHopeless = soFar.candidateMs > HOPELESS * soFar.currentMs
        if (runs >= FEWEST && (isHopeless || clock.now() - startMs > LONG_MS)) return soFar
      }
    }
    return isAsking() ? undefined : summary(times, recent.length, runs)
  } finally {
    runtime.retire(candidate)
  }
}

interface PictureTimes {
  readonly currentMs: readonly number[]
  readonly candidateMs: readonly number[]
}

function summary(times: readonly PictureTimes[], pictures: number, runs: number): TrialTimes {
  const seen = times.filter(({ currentMs }) => currentMs.length > 0)
  const mean = (of: (one: PictureTimes) => readonly number[]) =>
    seen.reduce((sum, one) => sum + median(of(one)), 0) / Math.max(1, seen.length)
  return {
    currentMs: mean((one) => one.currentMs),
    candidateMs: mean((one) => one.candidateMs),
    pictures: Math.min(pictures, seen.length),
    runs,
  }
}

/** The lower one of an even number: what disturbs a run only ever makes it slower. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? 0
}

function greyPicture({ width, height }: TrialOptions['size']): Picture {
  return { width, height, data: new Uint8ClampedArray(width * height * 4).fill(GREY) }
}
