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
