import { type Clock, sleep, systemClock } from '@roomful/core'

/** How long browsers are to be quiet, and how long is waited for that, in ms; and what share of a core is quiet. */
export interface Settling {
  readonly quietMs?: number
  readonly share?: number
  readonly timeoutMs?: number
}

/** A device, as far as it says how much it works: its CPU time so far in ms, undefined where that cannot be read. */
interface Working {
  cpuTimeMs(): number | undefined
}

const QUIET_MS = 250
const QUIET_SHARE = 0.25
const SETTLED_WITHIN_MS = 5_000

/**
 * Resolves when each device has used less than `share` of a core, a quarter, for the same `quietMs`: nothing is built in the background
 * any more, and none has begun again while another one was waited for. The result is whether it came to that within `timeoutMs`; where
 * CPU time cannot be read, it is taken for granted after twice `quietMs`.
 */
export async function settled(
  devices: readonly Working[],
  { quietMs = QUIET_MS, share = QUIET_SHARE, timeoutMs = SETTLED_WITHIN_MS }: Settling = {},
  clock: Clock = systemClock,
): Promise<boolean> {
  const endsAt = clock.now() + timeoutMs
  const windowMs = devices.some((device) => device.cpuTimeMs() !== undefined) ? quietMs : 2 * quietMs
  for (;;) {
    const meters = devices.map((device) => shareMeter(device, clock))
    await sleep(clock, windowMs)
    if (meters.every((used) => used() < share)) return true
    if (clock.now() >= endsAt) return false
  }
}

/** Says what share of a core the device has used since now: none, where CPU time cannot be read. */
function shareMeter(device: Working, clock: Clock): () => number {
  const startMs = clock.now()
  const before = device.cpuTimeMs() ?? 0
  return () => ((device.cpuTimeMs() ?? 0) - before) / (clock.now() - startMs)
}
