/**
 * The base of every error that Roomful throws on purpose. `reason` is for code, `message` tells a person what to do next,
 * `cause` keeps the origin. Each package derives one class with its own closed set of reasons and spells its `name` out: the
 * name of a class does not survive a minified build, and travels to other devices.
 */
export class ReasonedError<Reason extends string = string> extends Error {
  override name = 'ReasonedError'
  readonly reason: Reason

  constructor(reason: Reason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/** A ReasonedError as it travels over a Worker boundary or a peer link; plain JSON. */
export interface WireError {
  readonly name: string
  readonly reason: string
  readonly message: string
  readonly cause?: WireError
}

const MAX_MESSAGE = 500
const MAX_CAUSES = 4

/** Any thrown value in wire form; messages are cut at 500 characters, cause chains at four. */
export function toWire(error: unknown, depth = 0): WireError {
  const isError = error instanceof Error
  const name = isError ? error.name : 'Error'
  const reason = error instanceof ReasonedError ? error.reason : name === 'AbortError' ? 'aborted' : 'unknown'
  const message = (isError ? error.message : String(error)).slice(0, MAX_MESSAGE)
  const wire: WireError = { name, reason, message }
  if (isError && error.cause !== undefined && depth < MAX_CAUSES) {
    return { ...wire, cause: toWire(error.cause, depth + 1) }
  }
  return wire
}

/** The error that `toWire` described, as a ReasonedError carrying the sender's class name. */
export function fromWire(wire: WireError): ReasonedError {
  const error = new ReasonedError(
    wire.reason,
    wire.message,
    wire.cause === undefined ? undefined : { cause: fromWire(wire.cause) },
  )
  error.name = wire.name
  return error
}

/** The text of any thrown value, for a line in the page or on stderr. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
