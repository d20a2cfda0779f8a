import type { EntryMeta } from './entry.ts'

/** Worth of keeping an entry: time saved x uses / bytes (Potluck, ASPLOS'18). A new entry counts as used once. */
export function importance({ savedMs, uses, bytes }: EntryMeta): number {
  return (savedMs * (uses + 1)) / Math.max(1, bytes)
}

/**
 * Keys to give up so that `incoming` fits into `maxBytes`, the least important first (of equals, the oldest). Undefined when
 * it does not fit at all, or would push out what is worth more than itself.
 */
export function victims(
  entries: Iterable<EntryMeta>,
  incoming: EntryMeta,
  maxBytes: number,
): readonly string[] | undefined {
  if (incoming.bytes > maxBytes) return undefined
  const others = [...entries].filter(({ key }) => key !== incoming.key)
  let free = maxBytes - incoming.bytes - others.reduce((sum, { bytes }) => sum + bytes, 0)
  if (free >= 0) return []
  const gone: string[] = []
  const worth = importance(incoming)
  const cheapest = others.toSorted((a, b) => importance(a) - importance(b) || a.storedAt - b.storedAt)
  for (const entry of cheapest) {
    if (importance(entry) > worth) return undefined
    gone.push(entry.key)
    free += entry.bytes
    if (free >= 0) return gone
  }
  return undefined
}
