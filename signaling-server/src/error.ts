import { ReasonedError } from '@roomful/core'

/** Why the server cannot start or keep its promises to whoever runs it. What clients get wrong is answered, not thrown. */
export class ServerError extends ReasonedError<'port-taken' | 'address' | 'certificate' | 'redis' | 'usage'> {
  override readonly name = 'ServerError'
}
