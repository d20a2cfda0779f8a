import { type Draft, type DraftShard, type DraftVolume, wholeVolume } from '../evaluator/draft.ts'
import { pointAt, segmentAt } from '../model/plannable.ts'
import { rowVolume, splitRows } from './rows.ts'
import type { Search } from './search.ts'
import { rowSpan, speeds, workers } from './strips.ts'

/** Who computes a volume: one processor, or several in fixed proportion. */
interface Pattern {
  readonly processors: readonly number[]
  readonly weights: readonly number[]
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** Single processors and groups that the dynamic program weighs at each point. */
const MAX_SINGLES = 3
const MAX_GROUPS = 3
/** Of large rooms, which are allowed more time. */
const MAX_LARGE_GROUPS = 5
const LARGE_ROOM = 8

/**
 * A dynamic program over (partition point, pattern): where to put exchanges, and after each whether the next volume runs
 * on one device or is split by rows over a group. Exact for its patterns and its estimate of exchanges; its drafts are
 * starting points for the refinement on the evaluator.
 */
export function rowChainDrafts(search: Search): Draft[] {
  const span = rowSpan(search)
  if (span === undefined || search.helpers.length === 0) return []
  const patterns = patternsOf(search)
  const { model, last, firstCut, evaluator } = search
  const count = patterns.length
  const splits = patterns.map((): DraftShard[][] => [])
  const shardsAt = (point: number, at: number): DraftShard[] => {
    const known = splits[at]?.[point]
    if (known !== undefined) return known
    const { processors, weights } = patterns[at] as Pattern
    const made = splitRows(Math.max(1, pointAt(model, point).rows), processors, weights)
    ;(splits[at] as DraftShard[][])[point] = made
    return made
  }
  const cost = new Float64Array((last + 1) * count).fill(Number.POSITIVE_INFINITY)
  const before: ({ readonly point: number; readonly pattern: number } | undefined)[] = new Array((last + 1) * count)
  /** Per point the patterns that end there, soonest first: the first ones leave little for the others to beat. */
  const soonest: number[][] = []

  // A function for each state: one long loop would be compiled as a whole while it runs, which takes longer than to run it once.
  const arrive = (to: number, at: number, pattern: Pattern): void => {
    const [only] = pattern.processors
    const whole = pattern.processors.length === 1
    const shards = shardsAt(to, at)
    if (only === undefined || (!whole && (to > span.to || shards.length < 2))) return
    const here = to * count + at
    const needed = shards.map(({ processor, start, end }) => ({ processor, start, end }))
    for (let from = to - 1; from >= 0; from--) {
      if (from > 0 && from < firstCut) {
        if (whole) continue
        break
      }
      let compute = 0
      if (whole) {
        needed[0] = { processor: only, start: 0, end: Math.max(1, pointAt(model, from).rows) }
        compute = evaluator.costs.wholeMs(only, from, to)
      } else {
        const tables = from < span.from ? undefined : segmentAt(model, from).tables()
        if (tables === undefined) break
        for (let i = 0; i < needed.length; i++) {
          const need = needed[i] as Writable<DraftShard>
          need.start = tables.needStart[need.start] as number
          need.end = tables.needEnd[need.end] as number
          const { processor, start, end } = shards[i] as DraftShard
          compute = Math.max(compute, evaluator.costs.shardMs(processor, from, to, start, end))
        }
      }
      // Longer volumes take longer still.
      if (compute >= (cost[here] as number)) break
      if (from === 0) {
        if (firstCut > 0 && pattern.processors.some((p) => search.room.processors[p]?.device !== 0)) break
        const total = startMs(search, pattern) + compute
        if (total >= (cost[here] as number)) break
        cost[here] = total
        before[here] = undefined
        break
      }
      for (const previous of soonest[from] ?? []) {
        const known = cost[from * count + previous] as number
        if (known + compute >= (cost[here] as number)) break
        const exchange = search.exchanges.ms(from, shardsAt(from, previous), needed, search.wire(from))
        const total = known + exchange + compute
        if (total >= (cost[here] as number)) continue
        cost[here] = total
        before[here] = { point: from, pattern: previous }
      }
    }
  }
  for (let to = Math.max(1, firstCut); to <= last; to++) {
    for (const [at, pattern] of patterns.entries()) arrive(to, at, pattern)
    const endsAt = (at: number) => cost[to * count + at] as number
    soonest[to] = [...patterns.keys()].filter((at) => endsAt(at) < Infinity).sort((a, b) => endsAt(a) - endsAt(b))
  }
  const ends = patterns
    .map((pattern, at) => ({ at, ms: (cost[last * count + at] as number) + homeMs(search, pattern) }))
    .filter(({ ms }) => Number.isFinite(ms))
    .sort((a, b) => a.ms - b.ms)
  return ends.slice(0, 3).flatMap(({ at }) => {
    const volumes = unwind(search, patterns, before, at, shardsAt)
    return search.inputs.map((input): Draft => ({ input, volumes, exits: [], shares: [] }))
  })
}

function patternsOf(search: Search): Pattern[] {
  const span = rowSpan(search) ?? { from: 0, to: search.last }
  const all = workers(search)
  const speed = new Map(all.map((processor, at) => [processor, speeds(search, all, span)[at] ?? 0]))
  const fastest = [...all].sort((a, b) => (speed.get(b) ?? 0) - (speed.get(a) ?? 0))
  const own = search.mainOf(0)
  const singles = [...new Set([own, ...fastest])].slice(0, MAX_SINGLES)
  const sizes = new Set<number>()
  const most = fastest.length > LARGE_ROOM ? MAX_LARGE_GROUPS : MAX_GROUPS
  for (let i = 1; i <= most; i++) sizes.add(Math.max(2, Math.round((i * fastest.length) / most)))
  const groups = new Map<string, number[]>()
  for (const size of [2, ...sizes]) {
    const group = fastest.slice(0, Math.min(size, fastest.length))
    for (const members of [group, [...new Set([own, ...group])]]) {
      if (members.length >= 2) groups.set([...members].sort((a, b) => a - b).join(), members)
    }
  }
  return [
    ...singles.map((processor) => ({ processors: [processor], weights: [1] })),
    ...[...groups.values()].map((members) => {
      const processors = [...members].sort((a, b) => a - b)
      return { processors, weights: processors.map((processor) => speed.get(processor) ?? 0) }
    }),
  ]
}

/** Bringing the picture to everybody of a pattern, in its smallest allowed format. */
function startMs(search: Search, { processors }: Pattern): number {
  const { room, model } = search
  const { picture } = model
  const raw = (pointAt(model, 0).elements * search.rawBits) / 8
  const bytes = search.inputs.includes('jpeg') ? picture.jpeg : raw / processors.length
  let serial = 0
  let delay = 0
  for (const processor of processors) {
    const link = room.links[0]?.[room.processors[processor]?.device ?? 0]
    if (link === undefined) continue
    serial += link.serialMs(bytes)
    delay = Math.max(delay, link.delayMs(bytes))
  }
  return serial + delay
}

function homeMs(search: Search, { processors }: Pattern): number {
  const device = search.room.processors[processors[0] as number]?.device ?? 0
  return device === 0
    ? 0
    : (search.room.links[device]?.[0]?.messageMs(pointAt(search.model, search.last).elements * 4) ?? Infinity)
}

function unwind(
  search: Search,
  patterns: readonly Pattern[],
  before: readonly ({ readonly point: number; readonly pattern: number } | undefined)[],
  end: number,
  shardsAt: (point: number, pattern: number) => DraftShard[],
): DraftVolume[] {
  const volumes: DraftVolume[] = []
  let point = search.last
  let at = end
  for (;;) {
    const pattern = patterns[at] as Pattern
    const step = before[point * patterns.length + at]
    const from = step?.point ?? 0
    const wire = search.wire(point)
    volumes.unshift(
      pattern.processors.length === 1
        ? wholeVolume(from, point, pattern.processors[0] as number, wire)
        : rowVolume(from, point, shardsAt(point, at), wire),
    )
    if (step === undefined) return volumes
    point = step.point
    at = step.pattern
  }
}
