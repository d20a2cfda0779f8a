import { afterEach, describe, expect, it, vi } from 'vitest'
import { bytesOfDataUrl, dataUrlOf } from './data-url.ts'

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 31) & 255)
const url = `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`

describe('the bytes of a data URL', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('are those that were encoded, without a decoder of the browser', () => {
    expect(bytesOfDataUrl(url, 'image/jpeg')).toEqual(bytes)
  })

  it('are those that were encoded, with a decoder of the browser', () => {
    const fromBase64 = vi.fn((text: string) => new Uint8Array(Buffer.from(text, 'base64')))
    vi.stubGlobal('Uint8Array', Object.assign(class extends Uint8Array {}, { fromBase64 }))
    expect([...bytesOfDataUrl(url, 'image/jpeg')]).toEqual([...bytes])
    expect(fromBase64).toHaveBeenCalledOnce()
  })

  it('are refused when the browser made another kind of picture', () => {
    expect(() => bytesOfDataUrl('data:image/png;base64,AAAA', 'image/webp')).toThrow(
      expect.objectContaining({ reason: 'unsupported' }),
    )
  })
})

describe('a data URL', () => {
  it.each([0, 1, 1000, 8192, 20_001])('gives the %i bytes back that it was made of', (length) => {
    const some = Uint8Array.from({ length }, (_, i) => (i * 31) & 255)
    expect([...bytesOfDataUrl(dataUrlOf(some, 'image/webp'), 'image/webp')]).toEqual([...some])
  })

  it('is made by the browser itself where it can', () => {
    const some = Object.assign(Uint8Array.of(1, 2, 3), { toBase64: () => 'AQID' })
    expect(dataUrlOf(some, 'image/jpeg')).toBe('data:image/jpeg;base64,AQID')
  })
})
