import { deviceId, type Plan } from '@roomful/core'
import { chainModel, type PlannableModel, predictPlan, readRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { type RoomJson, readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'

const SHARES = [0.5, 0.2, 0.3]

/** Two exits that answer half and a fifth of the requests. */
const net: PlannableModel = chainModel({
  name: 'exits',
  input: [3, 32, 32],
  layers: [
    { kind: 'conv', channels: 32, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'conv', channels: 64, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
  exits: [
    { after: 1, macs: 1e5 },
    { after: 3, macs: 1e5 },
  ],
  settings: [{ thresholds: [0.8, 0.8], shares: SHARES, accuracyLoss: 0 }],
})

const window = { startWindowBytes: 1e9 }
const room: RoomJson = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1, overheadMs: 0.5 },
    {
      id: 'laptop',
      backends: [
        { backend: 'ort-webgpu', gmacsPerSecond: 20, overheadMs: 0.5 },
        { backend: 'ort-wasm', gmacsPerSecond: 6, overheadMs: 0.3 },
      ],
    },
    { id: 'tablet', gmacsPerSecond: 8, overheadMs: 0.5 },
  ],
  links: [
    { a: 'phone', b: 'laptop', mbitPerSecond: 50, rttMs: 4, ...window },
    { a: 'phone', b: 'tablet', mbitPerSecond: 50, rttMs: 6, ...window },
    { a: 'laptop', b: 'tablet', mbitPerSecond: 80, rttMs: 5, ...window },
  ],
}

const ON = {
  phone: { device: deviceId('phone'), backend: 'ort-wasm' },
  'laptop gpu': { device: deviceId('laptop'), backend: 'ort-webgpu' },
  'laptop cpu': { device: deviceId('laptop'), backend: 'ort-wasm' },
  tablet: { device: deviceId('tablet'), backend: 'ort-wasm' },
} as const
type Place = keyof typeof ON

/** The trunk in three volumes, with the exits behind the first two. */
function planOf(trunk: readonly [Place, Place, Place], exit: Place, mode: 'race' | 'wait', bits: 32 | 8): Plan {
  const wire = { bits, entropy: 'none' } as const
  const cuts = ['t0', 't1', 't3', 't5']
  return {
    model: net.digest,
    trunk: 'main',
    input: { kind: 'tensor' },
    volumes: trunk.map((place, at) => {
      return { from: cuts[at] ?? '', to: cuts[at + 1] ?? '', shards: [ON[place]], wire, route: 'peer' as const }
    }),
    exits: ['exit1', 'exit2'].map((name) => ({ exit: name, ...ON[exit], threshold: 0.8, mode })),
    predicted: { latencyMs: 100, fullMs: 100, throughputPerSecond: 10, bytes: 0 },
    method: 'auto',
  }
}

/** Requests so far apart that what an exit leaves running is over before the next one. */
async function play(drawn: Plan) {
  const { topology, predictor } = readRoom(room)
  const predicted = predictPlan(drawn, net, topology, predictor, SHARES, { segmentMs: 15 })
  const plan = { ...drawn, predicted: { ...drawn.predicted, fullMs: predicted?.fullMs ?? 0 } }
  const requests = { kind: 'rate', count: 60, perSecond: 2, arrivals: 'even' }
  const result = await simulate(readScenario({ model: 'exits', room, plan, requests }), net)
  return { predicted, result }
}

const EXITS = [
  { exit: 0, name: 'exit1' },
  { exit: 1, name: 'exit2' },
  { exit: 2, name: 'final' },
]

const CASES: readonly [trunk: readonly [Place, Place, Place], exit: Place, mode: 'race' | 'wait', bits: 32 | 8][] = [
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'laptop gpu', 'wait', 8],
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'laptop gpu', 'wait', 32],
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'laptop cpu', 'race', 8],
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'laptop cpu', 'wait', 8],
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'tablet', 'wait', 8],
  [['laptop gpu', 'laptop gpu', 'laptop gpu'], 'phone', 'race', 8],
  [['phone', 'laptop gpu', 'tablet'], 'laptop cpu', 'race', 8],
  [['phone', 'phone', 'tablet'], 'tablet', 'wait', 32],
]

describe('exits in simulated rooms', { timeout: 60_000 }, () => {
  it.each(CASES)('answer as predicted with the trunk on %j and exits on %s (%s, %d bits)', async (...drawn) => {
    const { predicted, result } = await play(planOf(...drawn))
    const { requests } = result
    expect(requests.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
    expect(requests.flatMap(({ trace }) => trace?.spans ?? []).filter(({ kind }) => kind === 'recover')).toEqual([])
    const fullMs = predicted?.fullMs ?? 0
    const answers = [...(predicted?.exitMs ?? []), fullMs].map((ms, at) => ({ ms, share: SHARES[at] ?? 0 }))
    let mean = 0
    for (const { exit, name } of EXITS) {
      // An exit that comes later than the trunk's own answer has nothing to answer.
      const late = answers.filter(({ ms }, at) => at !== exit && ms > fullMs).reduce((sum, { share }) => sum + share, 0)
      const { ms = 0, share = 0 } = answers[exit] ?? {}
      const expected = name === 'final' ? share + late : ms > fullMs ? 0 : share
      const drawn = requests.filter((request) => request.exit === name).length / requests.length
      expect(Math.abs(drawn - expected)).toBeLessThan(0.15)
      mean += drawn * ms
    }
    // With the shares as they were drawn: what is left is how long an answer at each exit takes.
    expect(Math.abs(result.percentiles.meanMs / mean - 1)).toBeLessThan(0.03)
    expect(predicted?.latencyMs).toBeLessThan(predicted?.fullMs ?? 0)
  })
})
