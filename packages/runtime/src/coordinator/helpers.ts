import type { Room } from '@roomful/transport'
import type { RecoverySnapshot } from '../plan/fallback.ts'

/** Linked devices that lend their compute, as their profiles tell. */
export function helpersIn(room: Room): RecoverySnapshot['helpers'] {
  return [...room.peers].flatMap(([device, { profile, link }]) => {
    if (link !== 'connected' || !profile.lending || !profile.visible || profile.role !== 'worker') return []
    const [fastest] = profile.backends
    const backends = profile.backends.map(({ backend }) => backend)
    return [{ device, backends, gmacsPerSecond: fastest?.gmacsPerSecond ?? 0, load: profile.load }]
  })
}
