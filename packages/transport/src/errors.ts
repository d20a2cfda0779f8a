import { ProtocolError } from '@roomful/protocol'
import { TransportError } from './room.ts'

/** A protocol error in this package's terms; anything else stays what it is. */
export function asTransportError(error: unknown): unknown {
  if (!(error instanceof ProtocolError)) return error
  const { reason } = error
  const own = reason === 'too-large' || reason === 'version' || reason === 'malformed' ? reason : 'rejected'
  return new TransportError(own, error.message, { cause: error })
}
