import type { DeviceId, LinkProfile, Topology } from '@roomful/core'
import type { Preparation } from './preparation.ts'

/** How far something must move before it is worth a new plan. */
export interface Hysteresis {
  /** Relative change of a link's bandwidth or round trip. Default 0.3. */
  readonly link: number
  /** Absolute change of a device's load. Default 0.2. */
  readonly load: number
  /** Relative change of a device's measured speed. Default 0.25. */
  readonly speed: number
  /** Time between two plans for anything but a lost device, ms. Default 3,000. */
  readonly pauseMs: number
  /** Share by which a new plan must be better to be taken while the old one still works. Default 0.05. */
  readonly gain: number
  /** How long a room is expected to stay as it is before anything is known of it. Default 30,000. */
  readonly dwellMs: number
}

export const DEFAULT_HYSTERESIS: Hysteresis = {
  link: 0.3,
  load: 0.2,
  speed: 0.25,
  pauseMs: 3_000,
  gain: 0.05,
  dwellMs: 30_000,
}

/** What the last plan was made for; plain data, never changed in place. */
export interface ReplanState {
  readonly planned: Topology | undefined
  readonly plannedAtMs: number
  /** How long the room is expected to stay as it is, learned from how long it has: the mean of the last times. */
  readonly dwellMs?: number
}

export const initialReplanState: ReplanState = { planned: undefined, plannedAtMs: Number.NEGATIVE_INFINITY }

export type ReplanReason = 'first' | 'join' | 'leave' | 'load' | 'speed' | 'link'

export interface ReplanDecision {
  readonly state: ReplanState
  /** Set when a plan should be made for this snapshot. */
  readonly reason?: ReplanReason
}

/**
 * Looks at a snapshot and says whether to plan anew. It compares with the snapshot of the last plan, not with the last
 * one seen, so that slow drifts count and jitter around one value does not. A device that left is planned around at
 * once; everything else waits for the pause to be over.
 */
export function replan(
  state: ReplanState,
  now: Topology,
  nowMs: number,
  hysteresis: Hysteresis = DEFAULT_HYSTERESIS,
): ReplanDecision {
  const reason = state.planned === undefined ? 'first' : changeOf(state.planned, now, hysteresis)
  if (reason === undefined) return { state }
  const urgent = reason === 'first' || reason === 'leave'
  if (!urgent && nowMs - state.plannedAtMs < hysteresis.pauseMs) return { state }
  const { dwellMs = hysteresis.dwellMs } = state
  const next = reason === 'first' ? dwellMs : (dwellMs + nowMs - state.plannedAtMs) / 2
  return { state: { planned: now, plannedAtMs: nowMs, dwellMs: next }, reason }
}

/** What a switch costs, and how long its gain is expected to last (`ReplanState.dwellMs`). */
export interface SwitchingCost extends Preparation {
  readonly dwellMs: number
}

/**
 * Whether to switch from a working plan, newly predicted for the present room, to a new one: it must be better by more
 * than the hysteresis, and what that saves from the switch to the room's next change must be more than what getting ready
 * costs the requests meanwhile. A plan that no longer works is predicted as Infinity.
 */
export function worthSwitching(
  currentMs: number,
  newMs: number,
  hysteresis: Hysteresis = DEFAULT_HYSTERESIS,
  cost?: SwitchingCost,
): boolean {
  if (!Number.isFinite(newMs)) return false
  if (!Number.isFinite(currentMs)) return true
  const gain = 1 - newMs / currentMs
  if (gain <= hysteresis.gain) return false
  return cost === undefined || gain * (cost.dwellMs - cost.readyMs) > cost.delayMs
}

function changeOf(before: Topology, now: Topology, hysteresis: Hysteresis): ReplanReason | undefined {
  const old = usable(before)
  const current = usable(now)
  for (const id of old.keys()) if (!current.has(id)) return 'leave'
  for (const id of current.keys()) if (!old.has(id)) return 'join'
  for (const [id, device] of current) {
    const previous = old.get(id)
    if (previous === undefined) continue
    if (Math.abs(device.load - previous.load) > hysteresis.load) return 'load'
    for (const { backend, gmacsPerSecond, coefficients } of device.backends) {
      const known = previous.backends.find((entry) => entry.backend === backend)
      if (known === undefined || differs(known.gmacsPerSecond, gmacsPerSecond, hysteresis.speed)) return 'speed'
      // Its operators have been measured one by one since: predictions are another matter then.
      if (known.coefficients === undefined && coefficients !== undefined) return 'speed'
    }
  }
  return linksChanged(before, now, hysteresis) ? 'link' : undefined
}

const usable = ({ initiator, devices }: Topology) =>
  new Map(
    devices
      .filter((device) => device.id === initiator || (device.role === 'worker' && device.lending && device.visible))
      .map((device) => [device.id, device]),
  )

function linksChanged(before: Topology, now: Topology, { link }: Hysteresis): boolean {
  const known = new Map(before.links.map((entry) => [pair(entry), entry]))
  if (now.links.length !== before.links.length) return true
  return now.links.some((entry) => {
    const previous = known.get(pair(entry))
    if (previous === undefined) return true
    // Round trips of a few ms jitter by as much again; below that only bandwidth counts.
    const slower = Math.abs(entry.rttMs - previous.rttMs) > Math.max(5, previous.rttMs * link)
    return slower || differs(previous.mbitPerSecond, entry.mbitPerSecond, link)
  })
}

const pair = ({ a, b }: LinkProfile): string => ([a, b] as DeviceId[]).sort().join('\n')

const differs = (before: number, now: number, share: number): boolean =>
  Math.abs(now - before) > share * Math.max(Math.min(before, now), 1e-9)
