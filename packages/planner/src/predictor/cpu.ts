import type { Backend, BackendSpeed, DeviceProfile } from '@roomful/core'

/** Backends that compute on the CPU, which messages need too. */
export const CPU_BACKENDS: ReadonlySet<Backend> = new Set<Backend>(['ort-wasm', 'ort-node'])

/** How fast the device's CPU is, whatever its GPU can do, in GMAC/s, and which backend shows it (its first one if none is of the CPU). */
export function cpuSpeed({ backends }: DeviceProfile): Pick<BackendSpeed, 'gmacsPerSecond' | 'burst'> & {
  readonly backend?: Backend
} {
  return backends.find(({ backend }) => CPU_BACKENDS.has(backend)) ?? backends[0] ?? { gmacsPerSecond: 1 }
}
