import { type PlanningLimits, type RoomFile, readRoom } from '@roomful/planner'

/** Share of its speed that an embedded GPU reaches with few rows, by rows: small shards leave its cores idle. [ours] */
const OCCUPANCY = (full: number) =>
  [1, 2, 4, 8, 16, 32]
    .filter((rows) => rows <= full)
    .map((rows) => ({ rows, efficiency: 0.25 + (0.75 * Math.log2(rows)) / Math.log2(full) }))

/** A device class of the comparison, stated with every figure: sustained GMAC/s, ms per run, rows computed at a time. */
const CLASSES = {
  slow: { gmacsPerSecond: 3, overheadMs: 0.5, rowStep: 4 },
  medium: { gmacsPerSecond: 6, overheadMs: 0.5, rowStep: 2 },
  fast: { gmacsPerSecond: 12, overheadMs: 0.4, rowStep: 2 },
  fastest: { gmacsPerSecond: 20, overheadMs: 0.4, rowStep: 1 },
  board: { gmacsPerSecond: 2, overheadMs: 0.5, rowStep: 1 },
  'small GPU': { gmacsPerSecond: 12, overheadMs: 0.5, table: OCCUPANCY(16) },
  'middle GPU': { gmacsPerSecond: 30, overheadMs: 0.5, table: OCCUPANCY(16) },
  'large GPU': { gmacsPerSecond: 60, overheadMs: 0.5, table: OCCUPANCY(32) },
} as const
export type DeviceClass = keyof typeof CLASSES

/** Groups of unlike devices; the first initiates. */
export const GROUPS = {
  'four mixed': ['slow', 'medium', 'fast', 'fastest'],
  'four boards': ['board', 'small GPU', 'middle GPU', 'large GPU'],
  'two slow two fast': ['slow', 'slow', 'fastest', 'fastest'],
  'sixteen mixed': Array.from(
    { length: 16 },
    (_, i) => (['slow', 'medium', 'fast', 'fastest'] as const)[i % 4] ?? 'slow',
  ),
} as const satisfies Readonly<Record<string, readonly DeviceClass[]>>
export type Group = keyof typeof GROUPS

/**
 * What may travel. `roomful`: feature maps in 8 bits, the picture as JPEG where that is better. `published`: as in the
 * publications that are compared, float32 maps and the raw input tensor.
 */
export type Wires = 'roomful' | 'published'

/** The limits under which all methods of the comparison plan: no exits; `auto` also knows what the agent learns. */
export function limitsFor(wires: Wires, episodes: number) {
  const base = { exits: false, seed: 1, episodes, learn: true }
  const plain = { bits: 32, entropy: 'none' } as const
  return (wires === 'roomful' ? base : { ...base, maxAccuracyLoss: 0, wire: plain }) satisfies PlanningLimits
}

/** ROOM.json with all pairs linked at one rate and 2 ms of round trip. */
export function roomJson(classes: readonly DeviceClass[], mbitPerSecond: number, limits: PlanningLimits = {}) {
  const devices = classes.map((name, i) => ({
    id: `d${i}-${name.replaceAll(' ', '-')}`,
    memoryMb: 8192,
    ...CLASSES[name],
  }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, mbitPerSecond, rttMs: 2 })),
  )
  return { initiator: devices[0]?.id ?? '', devices, links, limits }
}

export const roomOf = (classes: readonly DeviceClass[], mbitPerSecond: number): RoomFile =>
  readRoom(roomJson(classes, mbitPerSecond))

export function describeClasses(): string {
  return Object.entries(CLASSES)
    .map(([name, one]) => {
      const rows = 'rowStep' in one ? `rows by ${one.rowStep}` : `full speed from ${one.table.at(-1)?.rows} rows on`
      return `${name} ${one.gmacsPerSecond} GMAC/s (${rows})`
    })
    .join(', ')
}
