import { ReasonedError } from '@roomful/core'

/** A picture file that is refused; the message names the file where there is one. */
export class PictureError extends ReasonedError<'too-large' | 'corrupt' | 'not-a-picture'> {
  override readonly name = 'PictureError'
}
