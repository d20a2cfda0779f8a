import { type RoomFile, readRoom } from '@roomful/planner'

/** A device class of the comparison, stated with every figure: sustained GMAC/s, ms per run, rows computed at a time. */
const CLASSES = {
  slow: { gmacsPerSecond: 3, overheadMs: 0.5, rowStep: 4 },
  medium: { gmacsPerSecond: 6, overheadMs: 0.5, rowStep: 2 },
  fast: { gmacsPerSecond: 12, overheadMs: 0.4, rowStep: 2 },
  fastest: { gmacsPerSecond: 20, overheadMs: 0.4, rowStep: 1 },
} as const
export type DeviceClass = keyof typeof CLASSES

/** Groups of unlike devices; the first initiates. */
export const GROUPS: Readonly<Record<string, readonly DeviceClass[]>> = {
  'four mixed': ['slow', 'medium', 'fast', 'fastest'],
  'two slow two fast': ['slow', 'slow', 'fastest', 'fastest'],
  'sixteen mixed': Array.from(
    { length: 16 },
    (_, i) => (['slow', 'medium', 'fast', 'fastest'] as const)[i % 4] as DeviceClass,
  ),
}

/** All pairs linked at one rate and 2 ms of round trip. */
export function roomOf(classes: readonly DeviceClass[], mbitPerSecond: number): RoomFile {
  const devices = classes.map((name, i) => ({ id: `d${i}-${name}`, memoryMb: 8192, ...CLASSES[name] }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, mbitPerSecond, rttMs: 2 })),
  )
  return readRoom({ initiator: devices[0]?.id, devices, links })
}

export function describeClasses(): string {
  return Object.entries(CLASSES)
    .map(([name, { gmacsPerSecond, rowStep }]) => `${name} ${gmacsPerSecond} GMAC/s (rows by ${rowStep})`)
    .join(', ')
}
