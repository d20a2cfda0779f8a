import type { Extent } from './extent.ts'
import { ALL_METHODS } from './methods.ts'
import type { Played } from './playing.ts'
import type { RoomRow } from './rows.ts'

/** What a reader of the figures must know besides them, a sentence each. */
export interface RunFacts {
  readonly remarks: readonly string[]
  readonly quick: boolean
  readonly extent: Extent
  /** Why methods have no plan. */
  readonly planNotes: readonly string[]
  /** Methods that a large net leaves out. */
  readonly without: readonly string[]
  readonly failed: ReadonlyMap<string, string>
  readonly blocks: number
  /** Turns that began although a browser was still at work in the background. */
  readonly unsettled: number
  /** The same of loops of devices alone. */
  readonly unsettledSolo: number
  /** Links were still being probed while devices were measured alone. */
  readonly restless: boolean
  /** The extents are those of large nets. */
  readonly large: boolean
  readonly pictures: { readonly wanted: number; readonly distinct: number; readonly labelled: boolean }
  readonly cpuShares: string
  readonly coldLinks: number
  /** Devices that answered nothing alone. */
  readonly silent: readonly string[]
  /** What the libraries alone ran on, and why one did not run. */
  readonly alone: readonly string[]
  /** Who left after which block. */
  readonly left: readonly string[]
  /** Solo time after the blocks over before, by device name. */
  readonly drift: Readonly<Record<string, number>>
  readonly streamed: boolean
  readonly loadBefore: number
  readonly cores: number
  readonly rows: readonly RoomRow[]
  readonly played: Played | undefined
}

/** A load above this share of the cores before the run means that something else was at work. */
const BUSY_SHARE = 0.5
/** Solo times before and after the blocks that differ by more are worth a note. */
const DRIFTED = 1.25

export function notesOf(facts: RunFacts): string[] {
  const { extent, pictures, rows } = facts
  const unmeasured = ALL_METHODS.filter((method) => !extent.methods.includes(method))
  const halfAnswered = rows.filter(({ failed, sameAs }) => failed > 0 && sameAs === undefined)
  return [
    ...facts.remarks,
    ...facts.planNotes,
    ...(unmeasured.length === 0
      ? []
      : [`not measured in a ${facts.quick ? 'quick' : 'short'} run: ${unmeasured.join(', ')}`]),
    ...(facts.without.length === 0 ? [] : [`left out with a net of this size: ${facts.without.join(', ')}`]),
    ...[...facts.failed].map(([method, why]) => `${method}: ended ${why}; no further block tried it`),
    ...facts.left,
    ...halfAnswered.map(
      ({ method, failed, requests }) => `${method}: ${failed} of ${requests} requests failed; times are of the others`,
    ),
    ...(facts.large
      ? [
          `a large net: loops of at least ${extent.loopMs / 1000} s and ${extent.minRequests} requests, up to ${extent.budgetMs / 60_000} minutes in all`,
        ]
      : []),
    ...(facts.unsettledSolo > 0
      ? [`${facts.unsettledSolo} loops of devices alone began although a browser was still at work in the background`]
      : []),
    ...(facts.restless ? ['links were still being probed while devices were measured alone'] : []),
    ...(facts.unsettled > 0
      ? [`${facts.unsettled} turns began although a browser was still at work in the background`]
      : []),
    ...(facts.blocks < extent.blocks ? [`${facts.blocks} of ${extent.blocks} blocks fit into the time`] : []),
    ...(pictures.distinct < pictures.wanted
      ? [
          `${pictures.distinct} pictures for ${pictures.wanted}: blocks share them, and the cache knows more than \`repeats\` says`,
        ]
      : []),
    ...(pictures.labelled ? [] : ['pictures without labels of this model: no top-1']),
    ...(facts.cpuShares === 'cgroup'
      ? []
      : [`CPU shares by ${facts.cpuShares}: Workers are not slowed, figures do not compare`]),
    ...(facts.loadBefore > BUSY_SHARE * facts.cores
      ? [
          `the machine's load was ${facts.loadBefore.toFixed(1)} before the run: something else was, or had just been, at work`,
        ]
      : []),
    ...(facts.coldLinks === 0 ? [] : [`${facts.coldLinks} links are as first probed, while pages were loading`]),
    ...facts.silent.map(
      (name) => `${name} answered nothing alone in time: its limit and prediction are of its own measurement`,
    ),
    ...facts.alone,
    ...Object.entries(facts.drift).flatMap(([name, ratio]) =>
      ratio > DRIFTED || ratio < 1 / DRIFTED
        ? [`${name} alone took ${ratio.toFixed(2)} x as long after the blocks as before: the machine's speed drifted`]
        : [],
    ),
    ...(extent.streamMs > 0 && !facts.streamed ? ['streams: not measured in a quick run of this scenario'] : []),
    ...(facts.played === undefined ? [] : notesOfEvents(facts.played)),
  ]
}

function notesOfEvents({ eventful, calm, p95Ratio, deadlineMs, events }: Played): string[] {
  const failed = Object.entries(eventful.failed).map(([reason, count]) => `${count} ended with ${reason}`)
  const ends = [`${eventful.right} answered rightly`, `${eventful.differing} with another label`, ...failed]
  return [
    `events: of ${eventful.requests} requests ${ends.join(', ')}, ${eventful.broken} broke the deadline of ${deadlineMs} ms or failed without a reason`,
    `events: p95 ${eventful.p95Ms.toFixed(0)} ms against ${calm.p95Ms.toFixed(0)} ms in the calm before (${p95Ratio.toFixed(2)} x)`,
    ...events.flatMap(({ what, failed: why }) => (why === undefined ? [] : [`event not played: ${what}: ${why}`])),
  ]
}
