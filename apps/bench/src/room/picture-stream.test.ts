import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { SHARED_DATA } from '../../../../e2e/rig/pictures.ts'
import { QUICK } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import { benchPictures, blockStream, shuffledPictures } from './picture-stream.ts'
import { picturesFor } from './picture-supply.ts'

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

  it('keep their labels when their order is drawn, the same for one seed', () => {
    const pictures = Array.from({ length: 5 }, (_, width) => ({ width, height: 1, rgba: new Uint8Array() }))
    const drawn = shuffledPictures({ pictures, distinct: 3, labels: [0, 1, 2, 0, 1] }, seededRandom(4))
    expect(drawn.distinct).toBe(3)
    expect(drawn.labels).toEqual(drawn.pictures.map(({ width }) => width))
    expect(new Set(drawn.labels?.slice(0, 3))).toEqual(new Set([0, 1, 2]))
    expect(drawn.labels?.slice(3)).toEqual(drawn.labels?.slice(0, 2))
    expect(shuffledPictures({ pictures, distinct: 3, labels: [0, 1, 2, 0, 1] }, seededRandom(4))).toEqual(drawn)
    expect(shuffledPictures({ pictures, distinct: 5 }, seededRandom(4))).not.toHaveProperty('labels')
  })

  it('are as many a block as the fastest prediction needs and half as many again, within bounds', () => {
    const at = (latencyMs: number) => [{ plan: { predicted: { latencyMs } } }] as unknown as MethodPlan[]
    expect(picturesFor(QUICK, at(100))).toBe(30)
    expect(picturesFor(QUICK, at(5))).toBe(QUICK.picturesPerBlock)
    expect(picturesFor(QUICK, at(4_000))).toBe(12)
    expect(picturesFor(QUICK, [])).toBe(QUICK.picturesPerBlock)
  })

  it('of one block come once each, and some again, in the stated share', () => {
    const fresh = Array.from({ length: 700 }, (_, index) => index)
    const stream = blockStream(fresh, 0.3, seededRandom(1))
    expect(new Set(stream).size).toBe(700)
    expect(1 - 700 / stream.length).toBeCloseTo(0.3, 1)
    expect(blockStream(fresh, 0, seededRandom(1))).toHaveLength(700)
  })
})
