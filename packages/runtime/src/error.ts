import { type DeviceId, ReasonedError } from '@roomful/core'

/**
 * - `bad-plan`: the plan does not fit the model (rows, tensors, wire variants, exits)
 * - `bad-input`: the picture or tensor is not what the model takes
 * - `no-plan`: nothing is installed
 * - `prepare-failed`: devices could not build their stages; `devices` names them
 * - `unknown-plan`: a stage was asked for that this device does not hold (it joined again, or the plan was retired)
 * - `overloaded`: a queue or a buffer is full
 * - `malformed`: a peer's message does not fit the plan
 * - `engine`: a backend failed while it ran
 * - `lost`: every way to the answer was tried and failed; `cause` is the last failure
 * - `deadline`: the time given for the request is used up
 * - `closed`: the runtime was closed
 */
export type RuntimeReason =
  | 'bad-plan'
  | 'bad-input'
  | 'no-plan'
  | 'prepare-failed'
  | 'unknown-plan'
  | 'overloaded'
  | 'malformed'
  | 'engine'
  | 'lost'
  | 'deadline'
  | 'closed'

export class RuntimeError extends ReasonedError<RuntimeReason> {
  override readonly name = 'RuntimeError'
  /** For `prepare-failed`: who could not. */
  readonly devices: readonly DeviceId[]

  constructor(
    reason: RuntimeReason,
    message: string,
    options: { cause?: unknown; devices?: readonly DeviceId[] } = {},
  ) {
    super(reason, message, options.cause === undefined ? undefined : { cause: options.cause })
    this.devices = options.devices ?? []
  }
}
