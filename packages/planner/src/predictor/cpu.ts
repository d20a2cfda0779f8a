import type { Backend, DeviceProfile } from '@roomful/core'
import { predictedSpeed } from './speed-layer.ts'

/** Backends that compute on the CPU, which messages need too. */
export const CPU_BACKENDS: ReadonlySet<Backend> = new Set<Backend>(['ort-wasm', 'tfjs-wasm', 'ort-node'])

/**
 * How fast the device's CPU is predicted to compute, whatever its GPU can do, in GMAC/s, and which backend shows it (its first one if
 * none is of the CPU).
 */
export function cpuSpeed({ backends }: DeviceProfile): { gmacsPerSecond: number; burst?: number; backend?: Backend } {
  const speed = backends.find(({ backend }) => CPU_BACKENDS.has(backend)) ?? backends[0]
  if (speed === undefined) return { gmacsPerSecond: 1 }
  const { backend, burst } = speed
  return { gmacsPerSecond: predictedSpeed(speed), backend, ...(burst === undefined ? {} : { burst }) }
}
