import { type Random, seededRandom } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRoom } from '../room-file.ts'
import { drawnTogether } from './drawn-together.ts'
import { RoomPredictor } from './predictor.ts'
import { addFeatures, emptyWork } from './work.ts'

/** Sum of three uniform numbers: near enough to a normal one, of standard deviation 0.5. */
const noiseOf = (random: Random) => random.next() + random.next() + random.next() - 1.5

describe('noisy values drawn together', () => {
  it('are nearer to what is true, in the mean, whether the true ones are alike or not', () => {
    const random = seededRandom(5)
    for (const apart of [0, 0.2, 1]) {
      let before = 0
      let after = 0
      for (let round = 0; round < 400; round++) {
        const truth = Array.from({ length: 6 }, () => apart * noiseOf(random))
        const seen = truth.map((value) => value + 0.3 * noiseOf(random))
        const drawn = drawnTogether(seen, 0.15)
        for (const [at, value] of truth.entries()) {
          before += ((seen[at] ?? 0) - value) ** 2
          after += ((drawn[at] ?? 0) - value) ** 2
        }
      }
      expect(after).toBeLessThan(before)
      if (apart === 0) expect(after).toBeLessThan(0.6 * before)
    }
  })

  it('move by no more than their noise, and three stay as they are', () => {
    const value = fc.double({ min: -5, max: 5, noNaN: true })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 30 }), (values) => {
        const drawn = drawnTogether(values, 0.15)
        expect(drawn.length).toBe(values.length)
        for (const [at, one] of values.entries()) {
          const moved = Math.abs((drawn[at] ?? Number.NaN) - one)
          expect(moved).toBeLessThanOrEqual(values.length < 4 ? 0 : 0.15 + 1e-12)
        }
      }),
    )
  })

  it('are told apart from one of another kind', () => {
    const equal = [0.1, -0.1, 0.05, -0.05, 0.1, -0.1, 0.05, -0.05]
    const drawn = drawnTogether([...equal, 2], 0.15)
    expect(drawn.at(-1)).toBeGreaterThan(1.85 - 1e-9)
    for (const one of drawn.slice(0, -1)) expect(Math.abs(one)).toBeLessThan(0.2)
  })
})

it('a device that looks a little faster than its equals is predicted so by less, and where there are two as it looks', () => {
  const relative = (speeds: readonly number[], speedNoise: number) => {
    const devices = speeds.map((gmacsPerSecond, at) => ({
      id: `d${at}`,
      backends: [{ backend: 'ort-wasm', gmacsPerSecond }],
    }))
    const { topology } = readRoom({ initiator: 'd0', devices })
    const predictor = new RoomPredictor(topology, { speedNoise })
    const work = addFeatures(emptyWork(), 'conv', [1e8])
    const [first, ...rest] = topology.devices.map(({ id }) => predictor.compute(id, 'ort-wasm')?.wholeMs(work) ?? 0)
    return (rest.at(-1) ?? 0) / (first ?? 0)
  }
  const equals = [3, 2.8, 3.1, 3.5]
  const asShown = relative(equals, 0)
  expect(asShown).toBeLessThan(0.9)
  expect(relative(equals, 0.15)).toBeGreaterThan(asShown + 0.03)
  expect(relative(equals, 0.15)).toBeLessThan(1)
  expect(relative([3, 3.5], 0.15)).toBeCloseTo(relative([3, 3.5], 0), 9)
  expect(relative([1, 2, 4, 8], 0.15)).toBeCloseTo(relative([1, 2, 4, 8], 0), 2)
})
