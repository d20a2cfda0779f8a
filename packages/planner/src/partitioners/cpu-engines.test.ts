import type { Backend, BackendSpeed } from '@roomful/core'
import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { compileRoom } from '../evaluator/room.ts'
import { planWith, predictPlan } from '../planning.ts'
import { IN_BROWSERS } from '../predictor/in-browsers.ts'
import { RoomPredictor } from '../predictor/predictor.ts'
import { readRoom } from '../room-file.ts'
import { randomExits } from '../testing/random-cases.ts'
import { METHODS } from './registry.ts'
import { Search } from './search.ts'

const speed = (backend: Backend, gmacsPerSecond: number): BackendSpeed => ({
  backend,
  threads: 1,
  gmacsPerSecond,
  overheadMs: 0.5,
})

const roomOf = (...backends: readonly BackendSpeed[]) =>
  readRoom({
    initiator: 'phone',
    devices: [
      { id: 'phone', backends },
      { id: 'laptop', backends: [speed('ort-wasm', 6), speed('tfjs-wasm', 8)] },
    ],
    links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 }],
  })
const MODEL = randomExits(seededRandom(5), 6)
const usedOn = (plan: { volumes: readonly { shards: readonly { device: string; backend: Backend }[] }[] }) =>
  new Set(plan.volumes.flatMap(({ shards }) => shards.map(({ device, backend }) => `${device} ${backend}`)))

describe('two engines on one CPU', () => {
  it('every plan runs a net on the faster one, wherever it stands in the profile', async () => {
    for (const backends of [
      [speed('ort-wasm', 1), speed('tfjs-wasm', 1.3)],
      [speed('tfjs-wasm', 1.3), speed('ort-wasm', 1)],
    ]) {
      const { topology, predictor } = roomOf(...backends)
      for (const { name } of METHODS) {
        const planned = await planWith(name, MODEL, topology, predictor, { episodes: 1 })
        if (!planned.ok) continue
        for (const used of usedOn(planned.plan)) expect(used, name).toMatch(/ tfjs-wasm$/)
        for (const { backend } of planned.plan.exits) expect(backend, name).toBe('tfjs-wasm')
      }
    }
  })

  it('does not leave the one that is mostly faster for what noise explains', async () => {
    const { topology, predictor } = roomOf(speed('ort-wasm', 1), speed('tfjs-wasm', 0.9))
    const planned = await planWith('local', MODEL, topology, predictor, { exits: false })
    expect(planned.ok && [...usedOn(planned.plan)]).toEqual(['phone tfjs-wasm'])
  })

  it('stays with ONNX Runtime where that is faster', async () => {
    const { topology, predictor } = roomOf(speed('ort-wasm', 1), speed('tfjs-wasm', 0.5))
    const planned = await planWith('local', MODEL, topology, predictor, { exits: false })
    expect(planned.ok && [...usedOn(planned.plan)]).toEqual(['phone ort-wasm'])
  })

  it('offers exits one of them, and the GPU beside it', () => {
    const { topology, predictor } = roomOf(speed('ort-webgpu', 4), speed('ort-wasm', 1), speed('tfjs-wasm', 1.3))
    const { room, processors } = new Search(MODEL, topology, predictor, {})
    expect(
      processors.map((at) => `${room.devices[room.processors[at]?.device ?? -1]?.id} ${room.processors[at]?.backend}`),
    ).toEqual(['phone ort-webgpu', 'phone tfjs-wasm', 'laptop tfjs-wasm'])
  })

  it('take turns: an exit on the other one holds the trunk up, an exit on a GPU does not', async () => {
    const { topology, predictor } = roomOf(speed('ort-wasm', 1), speed('tfjs-wasm', 1.3), speed('ort-webgpu', 1))
    expect(compileRoom(topology, predictor).processors.map(({ turns }) => turns)).toEqual([0, 0, 2, 3, 3])
    const [exit] = MODEL.exits
    const planned = await planWith('local', MODEL, topology, predictor, { exits: false })
    if (!planned.ok || exit === undefined) throw new Error('a plan and an exit')
    const [whole] = planned.plan.volumes
    const tensor = MODEL.points[exit.point]?.tensor
    if (whole === undefined || tensor === undefined) throw new Error('one volume, cut at the exit')
    const volumes = [
      { ...whole, to: tensor },
      { ...whole, from: tensor },
    ]
    const fullMs = (backend: Backend) => {
      const placed = { exit: exit.name, device: topology.initiator, backend, threshold: 0.9, mode: 'race' } as const
      return (
        predictPlan({ ...planned.plan, volumes, exits: [placed] }, MODEL, topology, predictor)?.fullMs ?? Number.NaN
      )
    }
    expect([...usedOn(planned.plan)]).toEqual(['phone tfjs-wasm'])
    expect(fullMs('ort-wasm')).toBeGreaterThan(fullMs('ort-webgpu') * 1.001)
  })
})

describe('what is learned of one engine of a CPU', () => {
  const { topology } = roomOf(speed('ort-wasm', 1), speed('tfjs-wasm', 1.3))
  const learnt = (factors: Partial<Record<Backend, number>>) =>
    new RoomPredictor(topology, { correction: (_, backend) => factors[backend] ?? 1 })
  const factorOf = (predictor: RoomPredictor, backend: Backend) =>
    predictor.compute(topology.initiator, backend)?.factor

  it('counts for the other one until that has run itself', () => {
    expect(factorOf(learnt({ 'tfjs-wasm': 1.6 }), 'ort-wasm')).toBe(1.6)
    expect(factorOf(learnt({ 'tfjs-wasm': 1.6, 'ort-wasm': 1.1 }), 'ort-wasm')).toBe(1.1)
    expect(factorOf(learnt({}), 'ort-wasm')).toBe(1)
  })

  it('tells what messages cost: the speed is of the engine that has run', () => {
    const workMs = (factors: Partial<Record<Backend, number>>) =>
      new RoomPredictor(topology, { ...IN_BROWSERS, correction: (_, backend) => factors[backend] ?? 1 })
        .codec(topology.initiator)
        .messageWorkMs(0)
    expect(workMs({ 'tfjs-wasm': 2 }) / workMs({})).toBeCloseTo(2 / 1.3, 1)
    expect(workMs({ 'ort-wasm': 2 }) / workMs({})).toBeCloseTo(2, 1)
  })
})
