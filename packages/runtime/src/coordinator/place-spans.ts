import type { DeviceId, Span } from '@roomful/core'

/** What one stage did. Times count from the arrival of its first input. */
export interface SpanBatch {
  readonly device: DeviceId
  readonly spans: readonly Span[]
  /** When that was, in milliseconds of the request; known for the initiator's own stages only. */
  readonly originMs?: number
  /** Set when its outcome came to the initiator as a result: the moment it came. */
  readonly resultMs?: number
}

interface Node {
  readonly batch: SpanBatch
  readonly lengthMs: number
  /** From the first input to the last one, in ms of the stage. */
  readonly inputsMs: number
  readonly next: Node[]
  readonly before: Node[]
  /** The stage of the same device whose rows were the first input: they need no way. */
  own: Node | undefined
  earliestMs: number
  latestMs: number
  hopsBefore: number
  hopsAfter: number
  atMs: number
}

/**
 * Puts all stages of a request on the initiator's clock. Own stages are known exactly; a helper's lie somewhere between
 * the sending of their inputs and the arrival of what came of them, and the free time is given in equal parts to the hops in
 * between (clocks of two devices are never compared). Transfers are stretched to their arrival at the next stage.
 */
export function placeSpans(batches: readonly SpanBatch[], startMs: number, endMs: number, initiator: DeviceId): Span[] {
  const nodes = batches.map((batch): Node => {
    const known = batch.originMs ?? startMs
    return {
      batch,
      lengthMs: Math.max(0, ...batch.spans.map((span) => span.endMs)),
      inputsMs: Math.max(0, ...batch.spans.map((span) => (span.kind === 'wait' ? span.endMs : 0))),
      next: [],
      before: [],
      own: undefined,
      earliestMs: known,
      latestMs: batch.originMs ?? endMs,
      hopsBefore: 1,
      hopsAfter: 1,
      atMs: known,
    }
  })
  link(nodes)
  const order = nodes.toSorted((a, b) => volumeOf(a.batch) - volumeOf(b.batch))
  for (const node of order) forward(node)
  for (const node of order.toReversed()) backward(node, endMs)
  for (const node of order) place(node, startMs)
  return order.flatMap((node) => spansOf(node, endMs, initiator))
}

/** The volume whose input the stage collected: an exit hangs on it, a shard computes it. */
function volumeOf({ spans }: SpanBatch): number {
  return spans.find(isWork)?.volume ?? spans[0]?.volume ?? 0
}

const isWork = ({ kind }: Span): boolean => kind === 'compute' || kind === 'exit'

/** When a stage's output was there, in ms of the stage. */
const readyMs = ({ batch }: Node): number =>
  Math.max(0, ...batch.spans.map((span) => (span.kind === 'compute' ? span.endMs : 0)))

function link(nodes: readonly Node[]): void {
  for (const a of nodes) {
    for (const b of nodes) {
      if (a === b) continue
      if (sendsTo(a, b)) {
        a.next.push(b)
        b.before.push(a)
      } else if (startsWith(b, a)) {
        b.own = a
      }
    }
  }
}

const sendsTo = (a: Node, b: Node): boolean => transferTo(a, b) !== undefined

const transferTo = (a: Node, b: Node): Span | undefined =>
  a.batch.spans.find(
    ({ kind, to, volume }) => kind === 'transfer' && to === b.batch.device && volume === volumeOf(b.batch),
  )

/** Whether rows that `a` made on the same device were what `b` got first: nothing had come over a link by then. */
function startsWith(b: Node, a: Node): boolean {
  if (a.batch.device !== b.batch.device) return false
  const made = a.batch.spans.findLast(({ kind }) => kind === 'compute')?.volume
  if (made === undefined || made + 1 !== volumeOf(b.batch)) return false
  return b.batch.spans.every(({ kind, startMs }) => kind !== 'decode' || startMs > 0)
}

function forward(node: Node): void {
  if (node.batch.originMs !== undefined) return
  const { own, before } = node
  const arrivals = before.map((from) => from.earliestMs + sendMs(from, node))
  // Its times count from its first input, and the last one came `inputsMs` later.
  const firstMs = own === undefined ? Math.min(...arrivals) : own.earliestMs + readyMs(own)
  if (Number.isFinite(firstMs)) node.earliestMs = Math.max(node.earliestMs, firstMs)
  for (const ms of arrivals) node.earliestMs = Math.max(node.earliestMs, ms - node.inputsMs)
  for (const from of before) {
    node.hopsBefore = Math.max(node.hopsBefore, from.batch.originMs === undefined ? from.hopsBefore + 1 : 1)
  }
  if (own !== undefined) node.hopsBefore = Math.max(node.hopsBefore, own.hopsBefore)
}

function backward(node: Node, endMs: number): void {
  const { batch, own, next } = node
  if (batch.originMs === undefined) {
    node.latestMs = Math.min(node.latestMs, (batch.resultMs ?? endMs) - node.lengthMs)
    for (const to of next) {
      node.latestMs = Math.min(node.latestMs, to.latestMs + to.inputsMs - sendMs(node, to))
      node.hopsAfter = Math.max(node.hopsAfter, to.batch.originMs === undefined ? to.hopsAfter + 1 : 1)
    }
  }
  if (own !== undefined && own.batch.originMs === undefined) {
    own.latestMs = Math.min(own.latestMs, node.latestMs - readyMs(own))
    own.hopsAfter = Math.max(own.hopsAfter, node.hopsAfter)
  }
}

function place(node: Node, startMs: number): void {
  const { batch, own, earliestMs, hopsBefore, hopsAfter } = node
  if (batch.originMs !== undefined) {
    node.atMs = batch.originMs
    return
  }
  const latestMs = Math.max(startMs, node.latestMs)
  const share = hopsBefore / (hopsBefore + hopsAfter)
  const slackMs = Math.max(0, latestMs - earliestMs) * share
  node.atMs = Math.min(latestMs, own === undefined ? earliestMs + slackMs : own.atMs + readyMs(own))
}

function sendMs(from: Node, to: Node): number {
  return transferTo(from, to)?.startMs ?? from.lengthMs
}

function spansOf(node: Node, endMs: number, initiator: DeviceId): Span[] {
  const { batch, atMs } = node
  const placed = batch.spans.map((span): Span => {
    const startMs = span.startMs + atMs
    if (span.kind !== 'transfer') return { ...span, startMs, endMs: span.endMs + atMs }
    const receiver = node.next.find((next) => transferTo(node, next) === span)
    const arrivalMs = receiver === undefined ? span.endMs + atMs : arrivalAt(receiver, startMs)
    return { ...span, startMs, endMs: Math.min(endMs, Math.max(startMs, arrivalMs)) }
  })
  if (batch.resultMs === undefined || batch.device === initiator) return placed
  const startMs = Math.min(batch.resultMs, atMs + node.lengthMs)
  return [...placed, { device: batch.device, kind: 'transfer', startMs, endMs: batch.resultMs, to: initiator }]
}

/** When what left at `sentMs` came: unpacking begins then. */
function arrivalAt({ batch, atMs, inputsMs }: Node, sentMs: number): number {
  const unpacked = batch.spans.flatMap(({ kind, startMs }) => (kind === 'decode' ? [startMs + atMs] : []))
  const after = unpacked.filter((ms) => ms >= sentMs)
  return after.length > 0 ? Math.min(...after) : atMs + (unpacked.length > 0 ? inputsMs : 0)
}
