import type { Room } from '@roomful/transport'
import type { RecoveryCandidate, RecoverySnapshot } from '../plan/fallback.ts'

/** Linked devices that lend their compute, as their profiles tell. */
export function helpersIn(room: Room): RecoverySnapshot['helpers'] {
  return [...room.peers].flatMap(([device, { profile, link }]) => {
    if (link !== 'connected' || !profile.lending || !profile.visible || profile.role !== 'worker') return []
    const [fastest] = profile.backends
    const backends = profile.backends.map(({ backend }) => backend)
    return [{ device, backends, gmacsPerSecond: fastest?.gmacsPerSecond ?? 0, load: profile.load }]
  })
}

/** How long a helper takes for so many multiply-accumulates by its profile, in milliseconds; undefined where it is not there. */
export function helperMs(room: Room, { device, backend }: RecoveryCandidate, macs: number): number | undefined {
  const speed = room.peers.get(device)?.profile.backends.find((one) => one.backend === backend)
  return speed && speed.overheadMs + macs / (speed.gmacsPerSecond * 1e6)
}
