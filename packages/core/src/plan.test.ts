import { describe, expect, it } from 'vitest'
import { checkPlan, planDevices } from './plan.ts'

const rows = (device: string, start: number, end: number) => ({ device, backend: 'ort-wasm', rows: { start, end } })
const whole = (device: string) => ({ device, backend: 'ort-wasm' })

const planWith = (...shards: object[]) => {
  const wire = { bits: 8, entropy: 'none' }
  return {
    model: 'digest',
    trunk: 'main',
    input: { kind: 'jpeg' },
    volumes: [
      { from: 'x', to: 't', shards, wire, route: 'peer' },
      { from: 't', to: 'logits', shards: [whole('a')], wire, route: 'peer' },
    ],
    exits: [],
    predicted: { latencyMs: 0, fullMs: 0, throughputPerSecond: 0, bytes: 0 },
    method: 'test',
  }
}

describe('the shards of a plan', () => {
  it('may be named in any order, and those without rows are left out', () => {
    const plan = checkPlan(
      planWith(rows('c', 3, 9), rows('b', 3, 3), rows('a', 0, 3), rows('d', 0, 0), rows('e', 9, 9)),
    )
    expect(plan.volumes[0]?.shards).toEqual([rows('a', 0, 3), rows('c', 3, 9)])
    expect(planDevices(plan)).toEqual(['a', 'c'])
    expect(checkPlan(plan)).toEqual(plan)
    expect(checkPlan(planWith(whole('b'))).volumes[0]?.shards).toEqual([whole('b')])
  })

  it.each([
    ['a gap', [rows('a', 0, 3), rows('b', 4, 9)]],
    ['rows twice', [rows('a', 0, 3), rows('b', 2, 9)]],
    ['a first row that is missing', [rows('a', 1, 9)]],
    ['rows that run backwards', [rows('a', 0, 9), rows('b', 9, 4)]],
    ['no rows at all', [rows('a', 0, 0), rows('b', 0, 0)]],
    ['the whole beside rows', [whole('a'), rows('b', 0, 9)]],
    ['the whole twice', [whole('a'), whole('b')]],
  ])('are refused with %s', (_, shards) => {
    expect(() => checkPlan(planWith(...shards))).toThrow(expect.objectContaining({ reason: 'inconsistent' }))
  })

  it('are one at least', () => {
    expect(() => checkPlan(planWith())).toThrow(expect.objectContaining({ reason: 'malformed' }))
  })
})
