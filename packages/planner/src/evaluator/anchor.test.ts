import { seededRandom, type Topology } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { randomMove } from '../partitioners/moves.ts'
import { placeExits } from '../partitioners/place-exits.ts'
import { Search } from '../partitioners/search.ts'
import { IN_BROWSERS } from '../predictor/in-browsers.ts'
import { RoomPredictor } from '../predictor/predictor.ts'
import { randomExits, randomRoom } from '../testing/random-cases.ts'
import type { Draft } from './draft.ts'
import { Evaluator } from './evaluator.ts'

/** Throttled processors, each faster in bursts. */
const withBursts = (topology: Topology): Topology => ({
  ...topology,
  devices: topology.devices.map((device, at) => ({
    ...device,
    backends: device.backends.map((speed) => ({ ...speed, burst: 2 + at })),
  })),
})

/** Plans with exits that are a few random moves from one another, each with the one that it was made from. */
function* neighbours(): Generator<{ readonly search: Search; readonly from: Draft; readonly draft: Draft }> {
  const random = seededRandom(11)
  for (let room = 0; room < 12; room++) {
    const model = randomExits(random, 4 + random.int(5), 32)
    const { topology: steady, predictor } = randomRoom(random, 2 + random.int(3))
    const topology = room % 4 === 1 ? withBursts(steady) : steady
    const learned = room % 2 === 0 ? predictor : new RoomPredictor(topology, IN_BROWSERS)
    const search = new Search(model, topology, learned, { maxAccuracyLoss: 0.03 })
    let from = placeExits(search, search.single(0), 0.02)
    for (let step = 0; step < 60; step++) {
      const draft = randomMove(search, from, random)
      yield { search, from, draft }
      if (Number.isFinite(search.cost(draft)) && random.next() < 0.3) from = draft
    }
  }
}

describe('evaluations of plans that begin alike', () => {
  it('are the same from where they part as from the start', () => {
    let exits = 0
    for (const { search, from, draft } of neighbours()) {
      const { evaluator, model, room, limits } = search
      evaluator.anchor(from)
      const anchored = evaluator.quick(draft)
      const { busyMs: _, ...fresh } = new Evaluator(model, room, limits).quick(draft)
      expect(anchored).toMatchObject(fresh)
      if (draft.exits.length > 0) exits++
    }
    expect(exits).toBeGreaterThan(200)
  })

  it('are given up only where the latency is as long as the bound', () => {
    let given = 0
    for (const { search, from, draft } of neighbours()) {
      const { evaluator } = search
      evaluator.anchor(from)
      const { latencyMs } = evaluator.quick(draft)
      if (!Number.isFinite(latencyMs)) continue
      expect(evaluator.quick(draft, { latencyMs: latencyMs * (1 + 1e-6) }).latencyMs).toBe(latencyMs)
      if (!evaluator.quick(draft, { latencyMs: latencyMs * 0.7 }).feasible) given++
    }
    expect(given).toBeGreaterThan(200)
  })
})
