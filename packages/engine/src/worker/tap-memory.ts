import type { FeatureMaps } from '@roomful/tensor'

/** Most buffers that are held while no chain needs them: as many as a plan has cuts with exits beside its trunk, and some. */
const MOST_BUFFERS = 8

/**
 * Shared memory of taps that nobody reads any more, for the next taps of the same names. A copy of 600 KB into new memory takes
 * 0.3 ms, most of it for the system to find pages; into used memory it takes 0.05, and the chain waits for it.
 */
export class TapMemory {
  readonly #free = new Map<string, SharedArrayBuffer>()

  /** What there is for these taps; it is not given out again before it has come back. */
  take(taps: readonly string[]): Record<string, SharedArrayBuffer> {
    const taken: Record<string, SharedArrayBuffer> = {}
    for (const name of taps) {
      const buffer = this.#free.get(name)
      if (buffer === undefined) continue
      this.#free.delete(name)
      taken[name] = buffer
    }
    return taken
  }

  put(name: string, buffer: ArrayBufferLike): void {
    if (typeof SharedArrayBuffer === 'undefined' || !(buffer instanceof SharedArrayBuffer)) return
    this.#free.delete(name)
    this.#free.set(name, buffer)
    const [oldest] = this.#free.keys()
    if (this.#free.size > MOST_BUFFERS && oldest !== undefined) this.#free.delete(oldest)
  }

  putMaps(maps: FeatureMaps): void {
    for (const [name, { data }] of Object.entries(maps)) this.put(name, data.buffer)
  }
}
