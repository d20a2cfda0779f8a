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
  readonly next: Node[]
  readonly before: Node[]
  earliestMs: number
  latestMs: number
  hopsBefore: number
  hopsAfter: number
  atMs: number
}

/**
 * Puts all stages of a request on the initiator's clock. Own stages are known exactly; a helper's lie somewhere between
 * the sending of their input and the arrival of what came of it, and the free time is given in equal parts to the hops in
 * between (clocks of two devices are never compared). Transfers are stretched to the arrival at the next stage.
 */
export function placeSpans(batches: readonly SpanBatch[], startMs: number, endMs: number, initiator: DeviceId): Span[] {
  const nodes = batches.map((batch): Node => {
    const lengthMs = Math.max(0, ...batch.spans.map((span) => span.endMs))
    const known = batch.originMs ?? startMs
    return {
      batch,
      lengthMs,
      next: [],
      before: [],
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
  for (const node of order) {
    const share = node.hopsBefore / (node.hopsBefore + node.hopsAfter)
    node.atMs = node.batch.originMs ?? node.earliestMs + Math.max(0, node.latestMs - node.earliestMs) * share
  }
  return order.flatMap((node) => spansOf(node, endMs, initiator))
}

/** The volume whose input the stage collected: an exit hangs on it, a shard computes it. */
function volumeOf({ spans }: SpanBatch): number {
  return spans.find((span) => span.kind === 'compute' || span.kind === 'exit')?.volume ?? spans[0]?.volume ?? 0
}

function link(nodes: readonly Node[]): void {
  for (const a of nodes) {
    for (const b of nodes) {
      if (a === b) continue
      const sends = a.batch.spans.some(
        (span) => span.kind === 'transfer' && span.to === b.batch.device && span.volume === volumeOf(b.batch),
      )
      if (!sends) continue
      a.next.push(b)
      b.before.push(a)
    }
  }
}

function forward(node: Node): void {
  if (node.batch.originMs !== undefined) return
  for (const before of node.before) {
    node.earliestMs = Math.max(node.earliestMs, before.earliestMs + sendMs(before, node))
    node.hopsBefore = Math.max(node.hopsBefore, before.batch.originMs === undefined ? before.hopsBefore + 1 : 1)
  }
}

function backward(node: Node, endMs: number): void {
  if (node.batch.originMs !== undefined) return
  node.latestMs = (node.batch.resultMs ?? endMs) - node.lengthMs
  for (const next of node.next) {
    node.latestMs = Math.min(node.latestMs, next.latestMs - sendMs(node, next))
    node.hopsAfter = Math.max(node.hopsAfter, next.batch.originMs === undefined ? next.hopsAfter + 1 : 1)
  }
}

function sendMs(from: Node, to: Node): number {
  const span = from.batch.spans.find((other) => other.kind === 'transfer' && other.to === to.batch.device)
  return span?.startMs ?? from.lengthMs
}

function spansOf(node: Node, endMs: number, initiator: DeviceId): Span[] {
  const { batch, atMs } = node
  const placed = batch.spans.map((span): Span => {
    const startMs = span.startMs + atMs
    if (span.kind !== 'transfer') return { ...span, startMs, endMs: span.endMs + atMs }
    const receiver = node.next.find((next) => next.batch.device === span.to)
    return { ...span, startMs, endMs: Math.min(endMs, Math.max(startMs, receiver?.atMs ?? span.endMs + atMs)) }
  })
  if (batch.resultMs === undefined || batch.device === initiator) return placed
  const startMs = Math.min(batch.resultMs, atMs + node.lengthMs)
  return [...placed, { device: batch.device, kind: 'transfer', startMs, endMs: batch.resultMs, to: initiator }]
}
