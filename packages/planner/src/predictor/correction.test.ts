import { gaussian, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { correctionKey, OnlineCorrection } from './correction.ts'
import { utilisationOf } from './utilisation.ts'

const KEY = correctionKey('phone', 'ort-wasm')
/** One run of a device that is `slower` than believed, predicted with what is known by then. */
const run = (correction: OnlineCorrection, slower: number, key = KEY) =>
  correction.observe(key, { predictedMs: 10 * correction.factor(key), observedMs: 10 * slower })

describe('the online correction', () => {
  it('believes a first run, and is within 5 % of a device twice as slow after a dozen noisy ones', () => {
    const correction = new OnlineCorrection()
    run(correction, 2)
    expect(correction.factor(KEY)).toBeCloseTo(2, 6)
    const random = seededRandom(3)
    for (let i = 0; i < 12; i++) run(correction, 2 * Math.exp(0.05 * gaussian(random)))
    expect(Math.abs(correction.factor(KEY) / 2 - 1)).toBeLessThan(0.05)
    expect(correction.runs(KEY)).toBe(13)
  })

  it('keeps the backends of a device apart', () => {
    const correction = new OnlineCorrection()
    run(correction, 2)
    expect(correction.factor(correctionKey('phone', 'ort-webgpu'))).toBe(1)
  })

  it('does not follow hiccups, but does a new speed', () => {
    const correction = new OnlineCorrection()
    for (let i = 0; i < 40; i++) run(correction, i % 4 === 3 ? 30 : 1)
    expect(correction.factor(KEY)).toBeLessThan(1.01)
    for (let i = 0; i < 30; i++) run(correction, 3)
    expect(correction.factor(KEY)).toBeCloseTo(3, 1)
  })

  it('stays bounded and ignores what is no time', () => {
    const correction = new OnlineCorrection()
    for (const observedMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      correction.observe(KEY, { predictedMs: 1, observedMs })
      correction.observe(KEY, { predictedMs: observedMs, observedMs: 1 })
    }
    expect(correction.runs(KEY)).toBe(0)
    for (let i = 0; i < 100; i++) correction.observe(KEY, { predictedMs: 1, observedMs: 1e9 })
    expect(correction.factor(KEY)).toBeCloseTo(4, 9)
    for (let i = 0; i < 100; i++) correction.observe(KEY, { predictedMs: 1e9, observedMs: 1 })
    expect(correction.factor(KEY)).toBeCloseTo(0.25, 9)
  })

  it('remembers at most 256 keys, the last used', () => {
    const correction = new OnlineCorrection()
    run(correction, 2)
    for (let i = 0; i < 255; i++) run(correction, 2, `other ${i}`)
    run(correction, 2)
    run(correction, 2, 'one more')
    expect(Object.keys(correction.toJSON().keys).length).toBe(256)
    expect(correction.runs(KEY)).toBe(2)
    expect(correction.runs('other 0')).toBe(0)
  })

  it('comes back from storage, and takes nothing wrong from there', () => {
    const correction = new OnlineCorrection()
    for (let i = 0; i < 5; i++) run(correction, 1.5)
    correction.observe(KEY, { predictedMs: 10, observedMs: 30, utilisation: 0.7 })
    const back = OnlineCorrection.fromJSON(JSON.parse(JSON.stringify(correction)))
    expect(back.factor(KEY)).toBe(correction.factor(KEY))
    expect(back.loadFactor(KEY, 0.7)).toBe(correction.loadFactor(KEY, 0.7))
    for (const wrong of [
      undefined,
      null,
      3,
      [],
      { phone: 0.7 },
      { version: 1 },
      { version: 1, keys: { a: { log: 'x' } } },
    ]) {
      expect(OnlineCorrection.fromJSON(wrong).factor('a')).toBe(1)
    }
    const far = OnlineCorrection.fromJSON({ version: 1, keys: { a: { log: 99, runs: 1 } } })
    expect(far.factor('a')).toBeCloseTo(4, 9)
  })

  it('recalls factors of an earlier visit only where nothing was seen since, and forgets on demand', () => {
    const correction = new OnlineCorrection()
    run(correction, 2)
    correction.recall([
      [KEY, 3],
      ['other', 0.5],
      ['broken', Number.NaN],
    ])
    expect(correction.factor(KEY)).toBeCloseTo(2, 6)
    expect(correction.factor('other')).toBeCloseTo(0.5, 9)
    expect(correction.factor('broken')).toBe(1)
    correction.forget(KEY)
    expect(correction.factor(KEY)).toBe(1)
  })

  it('learns from a busy time how load slows the device, not that the device is slow', () => {
    const correction = new OnlineCorrection()
    for (let i = 0; i < 10; i++) {
      correction.observe(KEY, { predictedMs: 10, observedMs: 10, utilisation: 0.1 })
      correction.observe(KEY, { predictedMs: 10, observedMs: 22, utilisation: utilisationOf('serious') ?? 0 })
    }
    expect(correction.factor(KEY)).toBeCloseTo(1, 6)
    expect(correction.loadFactor(KEY, 0.75)).toBeGreaterThan(1.8)
    expect(correction.loadFactor(KEY, 0.1)).toBeCloseTo(1, 1)
    expect(correction.loadFactor('unknown', 0.5)).toBeCloseTo(2, 6)
    expect(utilisationOf('unheard of')).toBeUndefined()
  })
})
