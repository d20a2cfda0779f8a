import * as v from 'valibot'

/**
 * A speed, or the rate of a link, in a file. Far beyond any device, and near enough that no time that is worked out from
 * it overflows.
 */
export const Rate = v.pipe(v.number(), v.minValue(1e-9), v.maxValue(1e12))

/** A time in a file, in ms: at most some thirty years. */
export const Duration = v.pipe(v.number(), v.minValue(0), v.maxValue(1e12))

/** What is wrong with a file that a schema refused, in words and with the key's name. */
export function issueText(issue: v.BaseIssue<unknown>): string {
  const where = v.getDotPath(issue) ?? '(root)'
  if (issue.expected === 'never') return `unknown key ${where}`
  if (issue.kind === 'schema' && issue.received === 'undefined') return `${where} is missing`
  return `${where}: ${issue.message}`
}
