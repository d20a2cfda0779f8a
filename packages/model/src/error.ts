import { ReasonedError } from '@roomful/core'

/**
 * - `manifest`: model.json is malformed or contradicts itself or the graph
 * - `network`: a file or a range could not be read after one retry
 * - `corrupt`: bytes differ from their SHA-256 in the manifest after one retry
 * - `too-large`: a file is over its bound
 * - `no-such-tensor`: a part was asked for by a name that is no partition point
 * - `bad-meta`: what `prepare` was told about the model does not fit its graph
 */
export class ModelError extends ReasonedError<
  'manifest' | 'network' | 'corrupt' | 'too-large' | 'no-such-tensor' | 'bad-meta'
> {
  override readonly name = 'ModelError'
}
