import { type DeviceId, seededRandom } from '@roomful/core'
import { type LatencyPredictor, LinkModel, type PlannableModel, predictPlan, readRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { type RoomJson, readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import { PLAN_KINDS, type PlanKind, randomNet, randomPlan, randomRoomJson } from './testing/random-cases.ts'

/*
 * The planner's evaluator against the runtime. Both take the same costs; what differs is what the evaluator leaves out:
 *
 * - Every message has a head (ids, rows, deadline, spans: about 450 bytes), which the evaluator does not count. On a slow
 *   link it costs its bytes; where it lifts a message over a congestion window it costs a whole round trip more.
 * - It lets every message start with a small window; a link that was busy a round trip ago keeps its window.
 * - The runtime runs long stages as several sessions (`segmentMs`) and pays the overhead of each; the evaluator pays one.
 */

/** Bytes of one feature message besides the map. */
const HEAD_BYTES = 450

class HeadedLink extends LinkModel {
  override serialMs(bytes: number): number {
    return super.serialMs(bytes + HEAD_BYTES)
  }

  override delayMs(bytes: number): number {
    return super.delayMs(bytes + HEAD_BYTES)
  }
}

/** The evaluator's predictor with message heads. */
function withHeads(predictor: LatencyPredictor): LatencyPredictor {
  return {
    compute: (device, backend) => predictor.compute(device, backend),
    codec: (device) => predictor.codec(device),
    link: (from: DeviceId, to: DeviceId) => {
      const link = predictor.link(from, to)
      return link && new HeadedLink({ ...link, mbitPerSecond: link.bytesPerMs / 125 })
    },
  }
}

interface Check {
  readonly seed: number
  readonly predictedMs: number
  readonly withHeadsMs: number
  readonly simulatedMs: number
  readonly slowestRttMs: number
}

async function check(seed: number, kind: PlanKind, slowStart: boolean): Promise<Check> {
  const random = seededRandom(seed)
  const model = randomNet(random)
  const room = randomRoomJson(random, slowStart ? undefined : 1e9)
  const drawn = randomPlan(random, model, kind)
  const { topology, predictor } = readRoom(room)
  const predictedMs = predictPlan(drawn, model, topology, predictor)?.fullMs ?? 0
  const withHeadsMs = predictPlan(drawn, model, topology, withHeads(predictor))?.fullMs ?? 0
  const plan = { ...drawn, predicted: { ...drawn.predicted, fullMs: predictedMs } }
  const slowestRttMs = Math.max(...topology.links.map(({ rttMs }) => rttMs))
  return { seed, predictedMs, withHeadsMs, simulatedMs: await lastLatency(model, room, plan, 1e6), slowestRttMs }
}

/** Of the tenth request: the first is followed by preparations for recovery, which compete with those after it. */
async function lastLatency(model: PlannableModel, room: RoomJson, plan: object, segmentMs: number): Promise<number> {
  const scenario = readScenario({ model: 'random', room, plan, segmentMs, requests: { kind: 'closed', count: 10 } })
  const { requests } = await simulate(scenario, model)
  const last = requests.at(-1)
  expect(last?.outcome).toBe('ok')
  return (last?.endMs ?? 0) - (last?.startMs ?? 0)
}

async function checkAll(kind: PlanKind, slowStart: boolean): Promise<Check[]> {
  const checks: Check[] = []
  for (let seed = 1; seed <= 25; seed++) checks.push(await check(seed, kind, slowStart))
  for (const name of ['predictedMs', 'withHeadsMs'] as const) {
    const errors = checks.map((one) => Math.abs(one.simulatedMs / one[name] - 1) * 100).sort((a, b) => a - b)
    const text = `median ${errors[12]?.toFixed(2)} %, worst ${errors.at(-1)?.toFixed(2)} %`
    console.info(`${kind}, ${slowStart ? 'slow start' : 'open windows'}, ${name}: ${text}`)
  }
  return checks
}

describe('the evaluator against the runtime in simulated time', { timeout: 60_000 }, () => {
  it.each(PLAN_KINDS)(
    'agrees on %s plans within one percent and half a millisecond where windows are open',
    async (kind) => {
      const checks = await checkAll(kind, false)
      const far = ({ simulatedMs, withHeadsMs }: Check) =>
        Math.abs(simulatedMs - withHeadsMs) > 0.5 + 0.01 * simulatedMs
      expect(checks.filter(far)).toEqual([])
    },
  )

  it.each(PLAN_KINDS)(
    'agrees on %s plans within a round trip where links start slowly, mostly closer',
    async (kind) => {
      const checks = await checkAll(kind, true)
      const off = ({ simulatedMs, predictedMs }: Check) => Math.abs(simulatedMs - predictedMs) - 1 - 0.02 * simulatedMs
      expect(checks.filter((one) => off(one) > one.slowestRttMs)).toEqual([])
      expect(checks.filter((one) => off(one) > 0).length).toBeLessThanOrEqual(5)
    },
  )
})
