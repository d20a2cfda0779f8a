import type { Search } from './search.ts'

/**
 * The same search with less allowed: the raw picture kept, no exits, half of the accuracy budget, one helper less. What is
 * found there are plans of this search too, and now and then better ones than it finds itself.
 */
export function stricterThan(search: Search): Search[] {
  const { helpers, model } = search
  const { privacy, maxAccuracyLoss, exits } = search.limits
  const out: Search[] = []
  if (helpers.length === 0) return out
  if (privacy === 'none') out.push(search.stricter({ privacy: 'raw-stays-local' }))
  if (exits && model.settings.length > 0) out.push(search.stricter({ exits: false }))
  if (maxAccuracyLoss / 2 > model.trunkLoss) out.push(search.stricter({ maxAccuracyLoss: maxAccuracyLoss / 2 }))
  if (helpers.length > 1) for (const without of helpers) out.push(search.stricter({}, without))
  return out
}
