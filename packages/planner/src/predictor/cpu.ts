import type { Backend, DeviceProfile } from '@roomful/core'

/** Backends that compute on the CPU, which messages need too. */
export const CPU_BACKENDS: ReadonlySet<Backend> = new Set<Backend>(['ort-wasm', 'ort-node'])

/** How fast the device's CPU is, whatever its GPU can do; in GMAC/s. */
export function cpuSpeed({ backends }: DeviceProfile): number {
  const cpu = backends.find(({ backend }) => CPU_BACKENDS.has(backend)) ?? backends[0]
  return cpu?.gmacsPerSecond ?? 1
}
