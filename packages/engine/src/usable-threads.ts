/** Threads that WASM can use here: 1 without cross-origin isolation. */
export function usableThreads(wanted: number): number {
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(wanted, navigator.hardwareConcurrency || 1)) : 1
}
