import { deviceId, gaussian, type Random, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { AdaptiveThreshold } from './adaptive-threshold.ts'
import { agree, type LabelledNeighbour } from './h-knn.ts'
import { HyperplaneIndex } from './hyperplane-index.ts'
import { SimilarCache } from './similar-cache.ts'

const DIMS = 48
const own = deviceId('a')

function unit(values: Float32Array): Float32Array {
  const length = Math.hypot(...values)
  return values.map((x) => x / length)
}
const noise = (random: Random, around?: Float32Array, spread = 1) =>
  unit(
    Float32Array.from({ length: DIMS }, (_, i) => (around?.[i] ?? 0) + (spread * gaussian(random)) / Math.sqrt(DIMS)),
  )

describe('the hyperplane index', () => {
  it('finds nearly all close neighbours without comparing all', () => {
    const random = seededRandom(1)
    const index = new HyperplaneIndex({ dims: DIMS, random, exhaustiveUpTo: 0 })
    const vectors = Array.from({ length: 1500 }, () => noise(random))
    for (const [id, vector] of vectors.entries()) index.add(id, vector)
    const found = vectors.filter((vector, id) => index.nearest(noise(random, vector, 0.25), 1)[0]?.id === id)
    expect(found.length / vectors.length).toBeGreaterThan(0.97)
  })

  it('forgets what was deleted', () => {
    const random = seededRandom(2)
    const index = new HyperplaneIndex({ dims: DIMS, random, exhaustiveUpTo: 0 })
    const vector = noise(random)
    index.add(1, vector)
    index.delete(1)
    expect(index.nearest(vector, 3)).toEqual([])
    expect(index.size).toBe(0)
  })
})

describe('agreement', () => {
  const rule = { k: 5, homogeneity: 0.8, minSimilarity: 0.9 }
  const vote = (labelIndex: number, similarity: number, foreign?: string): LabelledNeighbour => ({
    labelIndex,
    similarity,
    owner: foreign === undefined ? own : deviceId(foreign),
    foreign: foreign !== undefined,
  })

  it('needs neighbours that are similar enough and of one mind', () => {
    expect(agree([vote(1, 0.95), vote(1, 0.92), vote(2, 0.5)], rule)).toMatchObject({ labelIndex: 1, share: 1 })
    expect(agree([vote(1, 0.95), vote(2, 0.94)], rule)).toBeUndefined()
    expect(agree([vote(1, 0.8)], rule)).toBeUndefined()
    expect(agree([], rule)).toBeUndefined()
  })

  it('does not believe one other device alone', () => {
    expect(agree([vote(1, 0.95, 'b'), vote(1, 0.95, 'b')], rule)).toBeUndefined()
    expect(agree([vote(1, 0.95, 'b'), vote(1, 0.95, 'c')], rule)).toMatchObject({ labelIndex: 1 })
    expect(agree([vote(1, 0.95, 'b'), vote(1, 0.95)], rule)).toMatchObject({ labelIndex: 1 })
  })
})

describe('the adaptive threshold', () => {
  it('comes to rest where wrong hits have the share of the target', () => {
    const random = seededRandom(3)
    const threshold = new AdaptiveThreshold({ errorTarget: 0.05, start: 0.7 })
    // The world: a hit at similarity s is wrong with probability (1 - s).
    let wrong = 0
    const rounds = 20_000
    for (let i = 0; i < rounds; i++) {
      const right = random.next() < threshold.similarity
      threshold.learn(right)
      if (i >= rounds / 2 && !right) wrong++
    }
    expect(wrong / (rounds / 2)).toBeGreaterThan(0.03)
    expect(wrong / (rounds / 2)).toBeLessThan(0.07)
  })
})

describe('the similarity cache', () => {
  it('answers most inputs near earlier ones and stays within its error target', () => {
    const random = seededRandom(4)
    const cache = new SimilarCache({ random, errorTarget: 0.05 })
    const centres = Array.from({ length: 10 }, () => noise(random))
    const sample = () => {
      const label = random.int(centres.length)
      // Some inputs lie between two classes: those are the ones to be careful with.
      const other = centres[random.int(centres.length)]
      const mix = random.next() < 0.2 ? 0.45 : 0.05
      const around = centres[label]?.map((x, i) => x * (1 - mix) + (other?.[i] ?? 0) * mix)
      return { label, descriptor: noise(random, around, 0.35) }
    }
    let hits = 0
    let wrong = 0
    const rounds = 1500
    for (let i = 0; i < rounds; i++) {
      const { label, descriptor } = sample()
      const hit = cache.find('m', descriptor)
      if (hit !== undefined && !hit.verify) {
        hits++
        if (hit.labelIndex !== label) wrong++
        continue
      }
      if (hit !== undefined) cache.confirm('m', hit, hit.labelIndex === label)
      else cache.missed('m', descriptor, label)
      cache.add('m', { descriptor, labelIndex: label, confidence: 1, exit: 'final', owner: own, foreign: false })
    }
    expect(hits / rounds).toBeGreaterThan(0.3)
    expect(wrong / hits).toBeLessThan(0.05)
  })

  it('computes the first hits all the same, and keeps models and cuts apart', () => {
    const random = seededRandom(5)
    const cache = new SimilarCache({ random, verifyShare: 0 })
    const descriptor = noise(random)
    for (let i = 0; i < 3; i++) {
      cache.add('m', { descriptor, labelIndex: 2, confidence: 0.9, exit: 'final', owner: own, foreign: false })
    }
    const verified = Array.from({ length: 12 }, () => cache.find('m', descriptor)?.verify)
    expect(verified.filter(Boolean)).toHaveLength(10)
    expect(cache.find('n', descriptor)).toBeUndefined()
    expect(cache.find('m', noise(random).subarray(0, 10))).toBeUndefined()
  })

  it('bounds its entries and what one other device may put into it', () => {
    const random = seededRandom(6)
    const cache = new SimilarCache({ random, maxEntries: 100 })
    const entry = (owner: string) => ({
      descriptor: noise(random),
      labelIndex: 1,
      confidence: 1,
      exit: 'final',
      owner: deviceId(owner),
      foreign: owner !== 'a',
    })
    for (let i = 0; i < 500; i++) cache.add('m', entry('b'))
    expect(cache.stats('m').entries).toBe(25)
    for (let i = 0; i < 500; i++) cache.add('m', entry('a'))
    expect(cache.stats('m').entries).toBe(100)
  })

  it('drops foreign entries that led astray', () => {
    const random = seededRandom(7)
    const cache = new SimilarCache({ random })
    const descriptor = noise(random)
    for (const owner of ['b', 'c']) {
      cache.add('m', { descriptor, labelIndex: 1, confidence: 1, exit: 'final', owner: deviceId(owner), foreign: true })
    }
    const hit = cache.find('m', descriptor)
    if (hit === undefined) throw new Error('no hit')
    const before = cache.stats('m').minSimilarity
    cache.confirm('m', hit, false)
    expect(cache.find('m', descriptor)).toBeUndefined()
    expect(cache.stats('m').minSimilarity).toBeGreaterThan(before)
  })
})
