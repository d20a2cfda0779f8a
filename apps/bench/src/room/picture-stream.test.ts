import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { SHARED_DATA } from '../../../../e2e/rig/pictures.ts'
import { benchPictures, blockStream } from './picture-stream.ts'

describe('pictures of a run', () => {
  it('are as many as were asked for, again and again where the pack has fewer', () => {
    const { pictures, labels, distinct } = benchPictures('models/handsigns', 300)
    expect(pictures).toHaveLength(300)
    if (SHARED_DATA === undefined) {
      console.info('../shared/data is absent: generated pictures are as many as one wants')
      expect(distinct).toBe(300)
      return
    }
    expect(distinct).toBeLessThan(300)
    expect(labels).toHaveLength(300)
    expect(pictures[distinct]).toBe(pictures[0])
    expect(labels?.[distinct]).toBe(labels?.[0])
  })

  it('of one block come once each, and some again, in the stated share', () => {
    const fresh = Array.from({ length: 700 }, (_, index) => index)
    const stream = blockStream(fresh, 0.3, seededRandom(1))
    expect(new Set(stream).size).toBe(700)
    expect(1 - 700 / stream.length).toBeCloseTo(0.3, 1)
    expect(blockStream(fresh, 0, seededRandom(1))).toHaveLength(700)
  })
})
