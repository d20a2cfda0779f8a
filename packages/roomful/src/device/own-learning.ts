import type { LoadedRun } from '@roomful/planner'

/** What a device has learned of one of its backends from real requests. */
export interface BackendLearning {
  /** The speed that it corrects, as `speedKey` writes it: of a backend that was measured anew it says nothing. */
  readonly speed: string
  /** Observed / predicted time. */
  readonly factor: number
  /** Runs beside other programs, for the `a(u)` of `T = a(u) F + b`; oldest first. */
  readonly loaded: readonly LoadedRun[]
}

/** What a device has learned of itself by backend: plain data for IndexedDB. */
export interface OwnLearning {
  readonly version: 1
  readonly backends: Readonly<Record<string, BackendLearning>>
}

/** There are three backends; more is not ours. */
const MAX_BACKENDS = 8
const MAX_LOADED = 64
const MAX_SPEED_CHARACTERS = 20_000
/** No run takes so long: a request's deadline is shorter. */
const MAX_RUN_MS = 600_000

/** Equal for equal measurements. */
export const speedKey = (speed: unknown): string => JSON.stringify(speed)

/**
 * Checks what storage gave: what is of another version or no such record at all is undefined, a broken backend is left out,
 * and so is a broken run of a sound one.
 */
export function readOwnLearning(value: unknown): OwnLearning | undefined {
  if (!isRecord(value) || value['version'] !== 1 || !isRecord(value['backends'])) return undefined
  const backends = Object.entries(value['backends'])
    .slice(0, MAX_BACKENDS)
    .flatMap(([name, one]) => {
      const read = readBackend(one)
      return read === undefined ? [] : [[name, read] as const]
    })
  return backends.length === 0 ? undefined : { version: 1, backends: Object.fromEntries(backends) }
}

function readBackend(value: unknown): BackendLearning | undefined {
  if (!isRecord(value)) return undefined
  const { speed, factor, loaded } = value
  if (typeof speed !== 'string' || speed.length > MAX_SPEED_CHARACTERS || !isPositive(factor)) return undefined
  const runs = Array.isArray(loaded) ? loaded.slice(-MAX_LOADED).flatMap(readRun) : []
  return { speed, factor, loaded: runs }
}

function readRun(value: unknown): LoadedRun[] {
  if (!isRecord(value)) return []
  const { utilisation, idleMs, ms } = value
  if (typeof utilisation !== 'number' || !(utilisation >= 0 && utilisation <= 1)) return []
  if (!isPositive(idleMs) || !isPositive(ms) || idleMs > MAX_RUN_MS || ms > MAX_RUN_MS) return []
  return [{ utilisation, idleMs, ms }]
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isPositive = (value: unknown): value is number => typeof value === 'number' && value > 0 && Number.isFinite(value)
