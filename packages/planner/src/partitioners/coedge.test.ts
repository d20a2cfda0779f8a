import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { chainModel } from '../model/chain.ts'
import { vggModel } from '../model/known-nets.ts'
import { neededRows, type PlannableModel, pointIndex } from '../model/plannable.ts'
import { planWith } from '../planning.ts'
import { readRoom } from '../room-file.ts'
import { randomRoom } from '../testing/random-cases.ts'
import { coedgeWith } from './coedge.ts'
import { type Planned, partitionerOf } from './method.ts'

/** A room in which all are linked at 100 Mbit/s. */
function roomOf(speeds: readonly number[]) {
  const devices = speeds.map((gmacsPerSecond, i) => ({ id: `d${i}`, name: `D${i}`, gmacsPerSecond, overheadMs: 0.1 }))
  const links = devices.flatMap((a, i) =>
    devices.slice(i + 1).map((b) => ({ a: a.id, b: b.id, mbitPerSecond: 100, rttMs: 1 })),
  )
  return readRoom({ initiator: 'd0', devices, links })
}

/** Whether every shard finds the rows that it needs with itself and the next device on either side. */
function reachesNextOnly({ plan }: Planned, model: PlannableModel): boolean {
  return plan.volumes.every((volume, at) => {
    const held = plan.volumes[at - 1]?.shards ?? []
    if (held.length < 2 || volume.shards.length < 2) return true
    return volume.shards.every(({ device, rows }) => {
      const need = neededRows(
        model,
        pointIndex(model, volume.from),
        pointIndex(model, volume.to),
        rows ?? { start: 0, end: 0 },
      )
      const own = held.findIndex((shard) => shard.device === device)
      const near = [held[own - 1], held[own], held[own + 1]].flatMap((shard) => shard?.rows ?? [])
      return (near[0]?.start ?? 0) <= need.start && (near.at(-1)?.end ?? 0) >= need.end
    })
  })
}

const WIDE = chainModel({
  input: [3, 64, 64],
  layers: [
    { kind: 'conv', channels: 32, kernel: 7 },
    { kind: 'conv', channels: 32, kernel: 7 },
    { kind: 'pool', kernel: 2 },
    { kind: 'conv', channels: 64, kernel: 7 },
    { kind: 'conv', channels: 64, kernel: 7 },
    { kind: 'pool', kernel: 32 },
    { kind: 'dense', units: 10 },
  ],
})

describe('coedge', () => {
  it('drops a device with fewer rows than its neighbours need, though it would have one or two', async () => {
    // 7 % of 32 rows are 2.2; a convolution of 7 x 7 needs 3 from a neighbour.
    const { topology, predictor } = roomOf([6, 6, 0.9])
    const result = await planWith('coedge', WIDE, topology, predictor)
    if (!result.ok) throw new Error(result.message)
    expect(result.plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => device))).not.toContain('d2')
    expect(result.notes.join()).toMatch(
      /^D2 is dropped: it would have [12]\.\d of the 32 rows of t\d, and its neighbours need 3$/,
    )
  })

  it('keeps a device that has as many rows as its neighbours need', async () => {
    const { topology, predictor } = roomOf([6, 6, 3])
    const result = await planWith('coedge', WIDE, topology, predictor)
    if (!result.ok) throw new Error(result.message)
    expect(new Set(result.plan.volumes.flatMap(({ shards }) => shards.map(({ device }) => device))).size).toBe(3)
    expect(result.notes).toEqual([])
  })

  it('takes halos from the next device alone', async () => {
    const random = seededRandom(8)
    let shared = 0
    for (let i = 0; i < 20; i++) {
      const { topology, predictor } = randomRoom(random, 2 + random.int(7))
      const model = i % 4 === 0 ? vggModel('vgg16', true) : WIDE
      const result = await planWith('coedge', model, topology, predictor)
      if (!result.ok) throw new Error(result.message)
      if (result.plan.volumes.some(({ shards }) => shards.length > 2)) shared++
      expect(reachesNextOnly(result, model)).toBe(true)
    }
    expect(shared).toBeGreaterThan(5)
  })

  it.each([
    [
      'crashes',
      async () => ({
        solve: () => {
          throw new Error('memory access out of bounds')
        },
      }),
      'memory access out of bounds',
    ],
    ['cannot be loaded', () => Promise.reject(new Error('no WASM here')), 'no WASM here'],
  ] as const)('says that rows go by speed where the solver %s', async (_, load, why) => {
    const { topology, predictor } = roomOf([6, 6, 0.9])
    const result = await partitionerOf(coedgeWith(load))(WIDE, topology, predictor)
    if (!result.ok) throw new Error(result.message)
    expect(result.notes).toContain(`the linear program was not solved (${why}): rows in proportion to speed instead`)
    // The rule of the halos holds there too.
    expect(result.notes.join()).toContain('D2 is dropped')
    expect(reachesNextOnly(result, WIDE)).toBe(true)
  })
})
