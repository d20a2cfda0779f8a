import type { Span } from 'roomful'

/** Gaps below this share of the request are not to be seen. */
const UNSEEN_SHARE = 0.005

/**
 * A device's spans as they can be seen: the sessions of one stage, which follow each other with nothing between them, are one
 * span, and waits too short to be seen between them are none. Exits stay by themselves.
 * @param endMs the request's length, in the spans' unit
 */
export function joinedSpans(spans: readonly Span[], endMs: number): Span[] {
  const unseenMs = endMs * UNSEEN_SHARE
  const joined: Span[] = []
  /** Where the last span of each sort is in `joined`. */
  const last = new Map<string, number>()
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    if (span.kind === 'queue' && span.endMs - span.startMs < unseenMs) continue
    const sort = `${span.kind} ${span.volume ?? ''} ${span.to ?? ''}`
    const at = last.get(sort)
    const before = at === undefined ? undefined : joined[at]
    if (
      at !== undefined &&
      before !== undefined &&
      span.exit === undefined &&
      span.startMs - before.endMs <= unseenMs
    ) {
      joined[at] = together(before, span)
      continue
    }
    if (span.exit === undefined) last.set(sort, joined.length)
    joined.push(span)
  }
  return joined
}

const together = (one: Span, other: Span): Span => ({
  ...one,
  endMs: Math.max(one.endMs, other.endMs),
  ...(one.bytes === undefined && other.bytes === undefined ? {} : { bytes: (one.bytes ?? 0) + (other.bytes ?? 0) }),
})
