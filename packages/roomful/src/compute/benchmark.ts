import type { BackendSpeed } from '@roomful/core'
import { benchmarkBackends, wasmThreads } from '@roomful/engine'
import type { SettingsStore } from '../device/settings.ts'
import type { BenchmarkView } from '../snapshot.ts'

/** A benchmark is kept this long; after that, or with another browser version, the device is measured again. */
const KEEP_MS = 7 * 24 * 3_600_000

export interface BenchmarkHooks {
  readonly onProgress: (view: BenchmarkView) => void
  /** Every time a backend has been measured: all measured so far, fastest first. */
  readonly onSpeeds: (speeds: readonly BackendSpeed[]) => void
  readonly idle: () => Promise<void>
  readonly signal: AbortSignal
}

/**
 * Measures this device, or takes what an earlier visit with the same browser measured. Never rejects but by abort; a device
 * on which nothing could be measured ends with no speeds.
 */
export async function measureDevice(settings: SettingsStore, hooks: BenchmarkHooks): Promise<void> {
  const { onProgress, onSpeeds, idle, signal } = hooks
  const madeBy = `${navigator.userAgent} ${navigator.hardwareConcurrency} ${crossOriginIsolated}`
  const kept = (await settings.read()).speeds
  if (kept !== undefined && kept.madeBy === madeBy && Date.now() - kept.at < KEEP_MS && kept.backends.length > 0) {
    onSpeeds(kept.backends)
    onProgress({ running: false, step: '', progress: 1 })
    return
  }
  let speeds: readonly BackendSpeed[] = []
  let told = speeds
  let done = 0
  const tell = () => {
    told = speeds
    onSpeeds(speeds)
    onProgress({ running: false, step: '', progress: 1 })
  }
  const measuring = benchmarkBackends({
    signal,
    idle,
    onProgress: ({ backend, threads, phase }) => {
      if (phase === 'done' || phase === 'failed') done++
      if (phase === 'failed' && told !== speeds) tell()
      const running = told.length === 0
      const step = `${backend}${threads > 1 ? `, ${threads} threads` : ''}`
      // The bar fills towards the usual number of backends; the device is usable from the first one on.
      onProgress({ running, step, progress: Math.min(0.95, (done + 0.5) / 3) })
    },
  })
  for await (const speed of measuring) {
    speeds = withSpeed(speeds, speed)
    // An engine started now would keep its one thread: the same backend with more threads is measured next.
    const threadsFollow = speed.backend === 'ort-wasm' && speed.threads === 1 && wasmThreads() > 1
    if (!threadsFollow) tell()
  }
  tell()
  if (speeds.length > 0) await settings.write({ speeds: { madeBy, at: Date.now(), backends: speeds } })
}

/** One entry a backend (its better thread count), fastest first. */
export function withSpeed(speeds: readonly BackendSpeed[], speed: BackendSpeed): readonly BackendSpeed[] {
  const same = speeds.find((other) => other.backend === speed.backend)
  if (same !== undefined && same.gmacsPerSecond >= speed.gmacsPerSecond) return speeds
  return [...speeds.filter((other) => other !== same), speed].sort((a, b) => b.gmacsPerSecond - a.gmacsPerSecond)
}
