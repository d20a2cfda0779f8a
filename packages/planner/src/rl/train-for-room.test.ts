import { checkPlan, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { readRoom } from '../room-file.ts'
import { randomChain, randomRoom } from '../testing/random-cases.ts'
import { trainForRoom } from './train-for-room.ts'

const model = randomChain(seededRandom(3), 4)
const limits = { exits: false } as const

describe('trainForRoom', () => {
  it('keeps the best of its episodes, the same for the same seed', async () => {
    const { topology, predictor } = randomRoom(seededRandom(4), 3)
    const learn = async () => {
      const curve: number[] = []
      let best = ''
      for await (const step of trainForRoom(model, topology, predictor, limits, { episodes: 3, seed: 9 })) {
        curve.push(step.bestMs)
        const plan = step.plan()
        checkPlan(JSON.parse(JSON.stringify(plan)))
        best = JSON.stringify(plan.volumes)
      }
      return { curve, best }
    }
    const first = await learn()
    expect(first.curve.length).toBeGreaterThan(3)
    expect(first.curve).toEqual([...first.curve].sort((a, b) => b - a))
    expect(await learn()).toEqual(first)
  })

  it('has nothing to learn for a device alone', async () => {
    const { topology, predictor } = readRoom({
      initiator: 'a',
      devices: [{ id: 'a', gmacsPerSecond: 1, overheadMs: 1, memoryMb: 100, rowStep: 1 }],
      links: [],
    })
    const steps: unknown[] = []
    for await (const step of trainForRoom(model, topology, predictor, limits, { episodes: 3, seed: 9 }))
      steps.push(step)
    expect(steps).toEqual([])
  })

  it('stops between episodes when it is told to', async () => {
    const { topology, predictor } = randomRoom(seededRandom(4), 3)
    const stop = new AbortController()
    const training = trainForRoom(model, topology, predictor, limits, { episodes: 50, seed: 1, signal: stop.signal })
    expect((await training.next()).done).toBe(false)
    stop.abort(new Error('a person asks'))
    await expect(training.next()).rejects.toThrow('a person asks')
  })
})
