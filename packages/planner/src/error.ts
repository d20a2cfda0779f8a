import { ReasonedError } from '@roomful/core'

/** What the planner refuses to read or to work with; a room without a feasible plan is a value, not an error. */
export class PlannerError extends ReasonedError<'room' | 'model' | 'plan' | 'limits' | 'samples'> {
  override readonly name = 'PlannerError'
}
