import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { batches, Gossip, type IndexChange } from './gossip.ts'

const setup = () => {
  const clock = new VirtualClock()
  const told: { readonly atMs: number; readonly change: IndexChange }[] = []
  const gossip = new Gossip(clock, (change) => told.push({ atMs: clock.now(), change }))
  return { clock, told, gossip }
}

describe('gossip about the index', () => {
  it('tells a change after a pause within a quarter of a second, and what comes and goes meanwhile not at all', async () => {
    const { clock, told, gossip } = setup()
    gossip.change(['a', 'b'], [])
    gossip.change([], ['b'])
    await clock.advance(250)
    expect(told).toEqual([{ atMs: 250, change: { added: ['a'], removed: [] } }])
    gossip.change(['c'], [])
    gossip.change([], ['c'])
    await clock.advance(5000)
    expect(told).toHaveLength(1)
  })

  it('tells changes that never end every two seconds, and misses none', async () => {
    const { clock, told, gossip } = setup()
    for (let i = 0; i < 100; i++) {
      gossip.change([`k${i}`], [])
      await clock.advance(100)
    }
    await clock.advance(2000)
    expect(told.map(({ atMs }) => atMs)).toEqual([250, 2250, 4250, 6250, 8250, 10_250])
    expect(told.flatMap(({ change }) => change.added)).toEqual(Array.from({ length: 100 }, (_, i) => `k${i}`))
  })

  it('divides a long index into messages', () => {
    const keys = Array.from({ length: 2500 }, (_, i) => `k${i}`)
    expect(batches(keys).map(({ added }) => added.length)).toEqual([1024, 1024, 452])
  })
})
