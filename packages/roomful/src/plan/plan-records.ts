import { type DeviceId, type Plan, ReasonedError } from '@roomful/core'
import type { ChosenPlan } from './planning.ts'

/** Remembers a value under a key, forgetting the oldest beyond `most`. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) break
    map.delete(oldest)
  }
}

/** Whom a failed preparation names. */
export function culpritsOf(error: unknown): readonly DeviceId[] {
  if (!(error instanceof ReasonedError) || error.reason !== 'prepare-failed') return []
  return (error as { devices?: readonly DeviceId[] }).devices ?? []
}

/**
 * Whether two plans do the same, whatever was predicted of them. `exactly`: with the same thresholds of the exits too; a
 * little more or less of them is no reason to build sessions anew when nobody has asked for it.
 */
export function samePlan(a: Plan, b: Plan | undefined, exactly: boolean): boolean {
  if (b === undefined) return false
  const essence = ({ model, trunk, input, volumes, exits }: Plan) =>
    JSON.stringify({
      model,
      trunk,
      input,
      volumes,
      exits: exactly ? exits : exits.map(({ threshold, ...rest }) => rest),
    })
  return essence(a) === essence(b)
}

/** Whether the plans in use are the chosen one, or all parts of the chosen schedule in their order. */
export function runsAlready(
  current: readonly { readonly plan: Plan }[],
  { plan, schedule }: Pick<ChosenPlan, 'plan' | 'schedule'>,
  exactly: boolean,
): boolean {
  const wanted = schedule?.map((part) => part.plan) ?? [plan]
  return wanted.length === current.length && current.every((one, at) => samePlan(one.plan, wanted[at], exactly))
}
