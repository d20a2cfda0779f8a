import { ReasonedError } from '@roomful/core'

/**
 * - `unavailable`: the storage cannot be opened, or has been taken away
 * - `full`: the browser's quota is used up
 * - `malformed`: an entry does not have the form it was written in
 *
 * None of them ever reaches a request: a cache that fails is a cache that misses.
 */
export class CacheError extends ReasonedError<'unavailable' | 'full' | 'malformed'> {
  override readonly name = 'CacheError'
}
