import { ReasonedError } from '@roomful/core'

/**
 * What can be wrong with bytes, messages or keys of another party.
 * - `malformed`: does not have the form of the protocol; `too-large`: has it, beyond a bound;
 * - `version`: the other side speaks another protocol version (the message names both and which side is older);
 * - `proof`: the hello proof does not match the room key; `sealed`: cannot be opened with it (other key, room or route);
 * - `invite`: the link carries no usable room key; `insecure-context`: no WebCrypto here (plain HTTP on a LAN address).
 */
export class ProtocolError extends ReasonedError<
  'malformed' | 'too-large' | 'version' | 'proof' | 'sealed' | 'invite' | 'insecure-context'
> {
  override readonly name = 'ProtocolError'
}
