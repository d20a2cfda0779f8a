import { type Clock, systemClock, withDeadline } from '@roomful/core'
import { createStore, getMany, setMany, type UseStore } from 'idb-keyval'
import { EngineError } from '../engine.ts'

/** What a profile says of a device's storage; zeros where there is none. */
export interface StorageSpeed {
  readonly quotaMb: number
  readonly writeMbPerSecond: number
  readonly readMbPerSecond: number
}

export interface StorageOptions {
  readonly clock?: Clock
  /** Whole time; beyond it storage counts as absent. Default 5,000 ms. */
  readonly timeoutMs?: number
}

const DATABASE = 'roomful-storage-benchmark'
const VALUE_BYTES = 256 * 1024
const VALUES = 8
const MB = 1e6

/** IndexedDB write and read speed with values of the size of weight chunks, and the quota. Never rejects. */
export async function benchmarkStorage(options: StorageOptions = {}): Promise<StorageSpeed> {
  const { clock = systemClock, timeoutMs = 5000 } = options
  const onTimeout = () => new EngineError('timeout', 'storage did not answer')
  const none: StorageSpeed = { quotaMb: 0, writeMbPerSecond: 0, readMbPerSecond: 0 }
  return withDeadline(measure(clock), { clock, timeoutMs, onTimeout }).catch(() => none)
}

async function measure(clock: Clock): Promise<StorageSpeed> {
  const quota = (await globalThis.navigator?.storage?.estimate?.())?.quota ?? 0
  const store = createStore(DATABASE, 'values')
  try {
    const { writeMs, readMs } = await time(store, clock)
    const megabytes = (VALUE_BYTES * VALUES) / MB
    return {
      quotaMb: Math.round(quota / MB),
      writeMbPerSecond: megabytes / (writeMs / 1000),
      readMbPerSecond: megabytes / (readMs / 1000),
    }
  } finally {
    await store('readwrite', (values) => values.clear())
  }
}

async function time(store: UseStore, clock: Clock): Promise<{ writeMs: number; readMs: number }> {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536))
  const value = new Uint8Array(VALUE_BYTES)
  for (let at = 0; at < VALUE_BYTES; at += bytes.length) value.set(bytes, at)
  const keys = Array.from({ length: VALUES }, (_, i) => `value-${i}`)
  // The first access opens the database; it is not part of the speed.
  await setMany([['open', 0]], store)
  const startMs = clock.now()
  await setMany(
    keys.map((key) => [key, value] as [string, Uint8Array]),
    store,
  )
  const writtenMs = clock.now()
  await getMany(keys, store)
  // Coarse clocks (1 ms in some browsers) may show no time at all.
  return { writeMs: Math.max(0.5, writtenMs - startMs), readMs: Math.max(0.5, clock.now() - writtenMs) }
}
