import type { DeviceId, DeviceProfile, LinkProfile, Topology } from '@roomful/core'
import type { Room } from '@roomful/transport'

/** The room as the planner sees it now: this device and every peer whose link is up. */
export function topologyOf(room: Room, self: DeviceProfile): Topology {
  const peers = [...room.peers.values()].filter(({ link }) => link === 'connected').map(({ profile }) => profile)
  const here = new Set<DeviceId>([self.id, ...peers.map((peer) => peer.id)])
  // The initiator's own requests do not slow it down: its load by others does.
  return { initiator: self.id, devices: [self, ...peers], links: room.links.filter(joins(here)) }
}

const joins =
  (here: ReadonlySet<DeviceId>) =>
  ({ a, b }: LinkProfile): boolean =>
    here.has(a) && here.has(b)

/** What a change must exceed before the room is planned anew, so that measuring noise never makes plans flap. */
const SPEED_RATIO = 1.25
const LOAD_STEP = 0.2

/** Whether two views of the room differ enough that another plan may be better. */
export function worthReplanning(before: Topology, after: Topology): boolean {
  if (before.devices.length !== after.devices.length || before.links.length !== after.links.length) return true
  const changed = after.devices.some((device) => {
    const old = before.devices.find((other) => other.id === device.id)
    return old === undefined || deviceChanged(old, device)
  })
  if (changed) return true
  return after.links.some((link) => {
    const old = before.links.find((other) => other.a === link.a && other.b === link.b)
    if (old === undefined) return true
    return differs(old.mbitPerSecond, link.mbitPerSecond) || differs(old.rttMs + 1, link.rttMs + 1)
  })
}

function deviceChanged(old: DeviceProfile, now: DeviceProfile): boolean {
  if (old.lending !== now.lending || old.visible !== now.visible || old.role !== now.role) return true
  if (old.backends.length !== now.backends.length) return true
  if (Math.abs(old.load - now.load) > LOAD_STEP) return true
  return now.backends.some((speed, index) => {
    const before = old.backends[index]
    return (
      before === undefined || before.backend !== speed.backend || differs(before.gmacsPerSecond, speed.gmacsPerSecond)
    )
  })
}

const differs = (a: number, b: number): boolean => Math.max(a, b) > Math.min(a, b) * SPEED_RATIO
