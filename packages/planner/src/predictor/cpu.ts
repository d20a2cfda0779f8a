import type { Backend, DeviceProfile } from '@roomful/core'
import { predictedSpeed } from './speed-layer.ts'

/** Backends that compute on the CPU, which messages need too. */
export const CPU_BACKENDS: ReadonlySet<Backend> = new Set<Backend>(['ort-wasm', 'tfjs-wasm', 'ort-node'])

/**
 * How fast the device's CPU is predicted to compute, whatever its GPU can do, in GMAC/s, and which backend shows it: the first engine of
 * the CPU that `hasRun` (of the others only tests are known), else the first of the CPU, else the first of all.
 */
export function cpuSpeed(
  { backends }: DeviceProfile,
  hasRun: (backend: Backend) => boolean = () => false,
): { gmacsPerSecond: number; burst?: number; backend?: Backend } {
  const ofCpu = backends.filter(({ backend }) => CPU_BACKENDS.has(backend))
  const speed = ofCpu.find(({ backend }) => hasRun(backend)) ?? ofCpu[0] ?? backends[0]
  if (speed === undefined) return { gmacsPerSecond: 1 }
  const { backend, burst } = speed
  return { gmacsPerSecond: predictedSpeed(speed), backend, ...(burst === undefined ? {} : { burst }) }
}
