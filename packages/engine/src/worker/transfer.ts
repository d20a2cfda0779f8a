import type { FeatureMaps } from '@roomful/tensor'

/**
 * The buffers of the maps that may be transferred: those that a map fills alone. A view into a larger buffer is left out
 * (moving it would take the rest from its owner) and a SharedArrayBuffer too; both are copied by the structured clone.
 * @param keep maps that their owner still needs: all, or those of these names
 */
export function transferables(maps: FeatureMaps, keep: boolean | readonly string[] = false): ArrayBuffer[] {
  if (keep === true) return []
  const kept = keep === false ? [] : keep
  const seen = new Map<ArrayBuffer, number>()
  for (const [name, { data }] of Object.entries(maps)) {
    if (kept.includes(name)) continue
    const { buffer } = data
    if (buffer instanceof ArrayBuffer) seen.set(buffer, (seen.get(buffer) ?? 0) + data.byteLength)
  }
  return [...seen].filter(([buffer, used]) => used === buffer.byteLength && used > 0).map(([buffer]) => buffer)
}
