import { ReasonedError } from '@roomful/core'

/** `scenario`: the scenario cannot be read; `plan`: no plan exists for its room; `stuck`: it does not come to an end. */
export class SimulatorError extends ReasonedError<'scenario' | 'plan' | 'stuck'> {
  override readonly name = 'SimulatorError'
}
