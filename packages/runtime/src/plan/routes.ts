import type { DeviceId, ExitName, Range } from '@roomful/core'
import { firstSharedCut } from './fallback.ts'
import type { CutLayout, ExitLayout, PlanLayout, ShardLayout } from './layout.ts'

/** One message's worth of a feature map: who needs which rows of cut `volume` (the input of volume `volume`). */
export interface Route {
  readonly to: DeviceId
  readonly volume: number
  readonly shards: readonly number[]
  readonly exits: readonly ExitName[]
  readonly relay: boolean
  /** Absent: the whole tensor. */
  readonly rows?: Range
}

/**
 * Where a producer sends the rows it has made of cut `volume`.
 *
 * - `route: 'leader'`: everything to the initiator, which relays (MoDNN).
 * - an exit in mode `wait` holds the trunk: rows go to the exits only, and the exit's device, which then has the whole
 *   tensor, sends the trunk on when its verdict is "not confident". Of several at one cut the first gets the rows, and each
 *   that is not confident sends them to the next one, the last to the trunk (`routesPast`).
 * - else each shard gets exactly the rows it needs and each exit the whole, in one message per device and rows.
 */
export function producerRoutes(layout: PlanLayout, volume: number, rows?: Range): Route[] {
  if (volume > 0 && layout.plan.volumes[volume - 1]?.route === 'leader') {
    return [
      { to: layout.initiator, volume, shards: [], exits: [], relay: true, ...(rows === undefined ? {} : { rows }) },
    ]
  }
  return consumerRoutes(layout, volume, rows)
}

/** As `producerRoutes` without the leader: what the relay itself, or a producer on route `peer`, sends. */
export function consumerRoutes(layout: PlanLayout, volume: number, rows?: Range): Route[] {
  const [first, ...later] = holders(layout, volume)
  const exits = exitRoutes(layout, volume, rows, (exit) => !later.includes(exit))
  return first === undefined ? merge([...trunkRoutes(layout, volume, rows), ...exits]) : merge(exits)
}

/** The exits in mode `wait` at cut `volume`, in the plan's order: one after the other they hold the trunk. */
export function holders(layout: PlanLayout, volume: number): ExitName[] {
  const waiting = layout.cuts[volume]?.exits.filter(({ placement }) => placement.mode === 'wait') ?? []
  return waiting.map(({ placement }) => placement.exit)
}

/** What the device of an exit sends on when the exit is not confident: nothing, unless it holds the trunk. */
export function routesPast(layout: PlanLayout, volume: number, exit: ExitName): Route[] {
  const all = holders(layout, volume)
  if (!all.includes(exit)) return []
  const next = all[all.indexOf(exit) + 1]
  return next === undefined ? trunkRoutes(layout, volume) : exitRoutes(layout, volume, undefined, (one) => one === next)
}

/** Rows of cut `volume` for the shards of volume `volume` alone. */
export function trunkRoutes(layout: PlanLayout, volume: number, rows?: Range): Route[] {
  const cut = layout.cuts[volume]
  if (cut === undefined) return []
  const routes = (layout.shards[volume] ?? []).flatMap((shard, index) => {
    const needed = common(cut, rows, shard.inputRows)
    return needed === 'none' ? [] : [route(shard.device, volume, { shards: [index] }, needed)]
  })
  return merge(routes)
}

/**
 * Whether shard 0 of volume `volume` may begin the moment that shard 0 of the one before has ended, without waiting for what
 * is sent: both are whole, of one device and backend; exits between them that are of the same processor run in their turn
 * (`gates`), and others do not hold the trunk.
 */
export function follows(layout: PlanLayout, volume: number): boolean {
  const [before, ...others] = layout.shards[volume - 1] ?? []
  const [here, ...more] = layout.shards[volume] ?? []
  if (before === undefined || here === undefined || others.length > 0 || more.length > 0) return false
  const isRelayed = layout.plan.volumes[volume - 1]?.route === 'leader'
  const isWhole = before.rows === undefined && here.rows === undefined
  const isHere = here.device === before.device && here.backend === before.backend
  const isClear = layout.cuts[volume]?.exits.every((exit) => exit.placement.mode === 'race' || isOf(here, exit))
  return isWhole && isHere && !isRelayed && isClear !== false
}

/**
 * The exits between a volume that `follows` and the one before it which run between the two, in their order: those of the same
 * processor. One that races there would begin after the next segment of the trunk at the earliest, and the trunk waits as long.
 */
export function gates(layout: PlanLayout, volume: number): ExitLayout[] {
  const [here] = layout.shards[volume] ?? []
  if (here === undefined || !follows(layout, volume)) return []
  return layout.cuts[volume]?.exits.filter((exit) => isOf(here, exit)) ?? []
}

function isOf(shard: ShardLayout, { placement }: ExitLayout): boolean {
  return placement.device === shard.device && placement.backend === shard.backend
}

/**
 * Whether `device` tells of the input of a volume that `follows` while its chain goes on: exits beside it need the map, or, on the
 * initiator, recovery and the cache do where the plan gives something to others, or somebody looks at every cut (`isWatched`).
 */
export function passesOn(layout: PlanLayout, volume: number, device: DeviceId, isWatched = false): boolean {
  if (besideRoutes(layout, volume).length > 0) return true
  return device === layout.initiator && (isWatched || firstSharedCut(layout.plan, device) !== undefined)
}

/** Where the input of a volume that `follows` goes beside it: one message for all exits of a device. */
export function besideRoutes(layout: PlanLayout, volume: number): Route[] {
  const chained = gates(layout, volume).map(({ placement }) => placement.exit)
  return merge(
    exitRoutes(layout, volume, undefined).filter(({ exits }) => !exits.some((exit) => chained.includes(exit))),
  )
}

function exitRoutes(
  layout: PlanLayout,
  volume: number,
  rows: Range | undefined,
  wanted: (exit: ExitName) => boolean = () => true,
): Route[] {
  const exits = layout.cuts[volume]?.exits.filter(({ placement }) => wanted(placement.exit)) ?? []
  return exits.map(({ placement }) => route(placement.device, volume, { exits: [placement.exit] }, rows))
}

function route(
  to: DeviceId,
  volume: number,
  targets: { shards?: number[]; exits?: ExitName[] },
  rows: Range | undefined,
): Route {
  const { shards = [], exits = [] } = targets
  return { to, volume, shards, exits, relay: false, ...(rows === undefined ? {} : { rows }) }
}

/** The rows that a producer has and a consumer needs; undefined is the whole tensor. */
function common(cut: CutLayout, have: Range | undefined, need: Range | undefined): Range | undefined | 'none' {
  if (have === undefined) return need
  const start = Math.max(have.start, need?.start ?? 0)
  const end = Math.min(have.end, need?.end ?? cut.height ?? 0)
  if (end <= start) return 'none'
  return start === 0 && end === cut.height ? undefined : { start, end }
}

/** Routes to one device with equal rows become one. */
function merge(routes: readonly Route[]): Route[] {
  const merged = new Map<string, Route>()
  for (const next of routes) {
    const key = `${next.to} ${next.rows?.start ?? ''}:${next.rows?.end ?? ''}`
    const known = merged.get(key)
    merged.set(
      key,
      known === undefined
        ? next
        : { ...known, shards: [...known.shards, ...next.shards], exits: [...known.exits, ...next.exits] },
    )
  }
  return [...merged.values()]
}

/** Whether `device` may send rows of cut `volume`: it makes them, holds them for an exit, or relays. */
export function mayProduce(layout: PlanLayout, volume: number, device: DeviceId): boolean {
  if (device === layout.initiator) return true
  if (volume === 0) return false
  const makes = layout.shards[volume - 1]?.some((shard) => shard.device === device) ?? false
  return makes || (layout.cuts[volume]?.exits.some(({ placement }) => placement.device === device) ?? false)
}
