import { checkPicture } from '@roomful/tensor'
import { type Picture, RoomfulError } from '../session.ts'

const BYTES = ['[object Uint8ClampedArray]', '[object Uint8Array]']

/** What a caller gave, once it is known to be RGBA pixels. @throws RoomfulError `not-a-picture` */
export function checkedPicture(value: unknown): Picture {
  if (typeof value !== 'object' || value === null) throw refused(`RGBA pixels are expected, not ${String(value)}`)
  const picture = value as Picture
  // By its tag: pixels may come from another frame's canvas.
  const tag = Object.prototype.toString.call(picture.data)
  if (!BYTES.includes(tag)) throw refused(`data must be the bytes of RGBA pixels in a Uint8ClampedArray, not ${tag}`)
  try {
    checkPicture(picture)
  } catch (cause) {
    throw refused(cause instanceof Error ? cause.message : String(cause), cause)
  }
  return picture
}

const refused = (why: string, cause?: unknown): RoomfulError =>
  new RoomfulError('not-a-picture', `This is not a picture: ${why}.`, cause === undefined ? undefined : { cause })
