import { ReasonedError } from '@roomful/core'

/**
 * `shape`: dims, rows or data length do not fit together; `dtype`: an element type that the operation does not take;
 * `not-finite`: NaN or infinity where values are to be quantised; `malformed`: bytes that are no encoded feature map;
 * `too-large`: more than the receiver allows.
 */
export class TensorError extends ReasonedError<'shape' | 'dtype' | 'not-finite' | 'malformed' | 'too-large'> {
  override readonly name = 'TensorError'
}
