import { FINAL_EXIT, seededRandom } from '@roomful/core'
import { type PlannableModel, predictPlan, readRoom } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { type RoomJson, readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import {
  PLAN_KINDS,
  type PlanKind,
  randomExitPlan,
  randomExits,
  randomNet,
  randomPlan,
  randomProcessorsJson,
  randomRoomJson,
} from './testing/random-cases.ts'

/*
 * The planner's evaluator against the runtime. Both take the same costs, message heads and the runtime's rule for cutting
 * stages into sessions included. What differs is what the evaluator leaves out: the small messages beside the feature
 * maps (cancels, verdicts) and, in the runtime, windows that a request before has left open.
 */

interface Check {
  readonly seed: number
  readonly predictedMs: number
  readonly simulatedMs: number
  readonly slowestRttMs: number
}

async function check(seed: number, kind: PlanKind, slowStart: boolean, segmentMs: number): Promise<Check> {
  const random = seededRandom(seed)
  const model = randomNet(random)
  const room = randomRoomJson(random, slowStart ? undefined : 1e9)
  const drawn = randomPlan(random, model, kind)
  const { topology, predictor } = readRoom(room)
  const predictedMs = predictPlan(drawn, model, topology, predictor, [], { segmentMs })?.fullMs ?? 0
  const plan = { ...drawn, predicted: { ...drawn.predicted, fullMs: predictedMs } }
  const slowestRttMs = Math.max(...topology.links.map(({ rttMs }) => rttMs))
  return { seed, predictedMs, simulatedMs: await lastLatency(model, room, plan, segmentMs), slowestRttMs }
}

async function lastLatency(model: PlannableModel, room: RoomJson, plan: object, segmentMs: number): Promise<number> {
  const scenario = readScenario({ model: 'random', room, plan, segmentMs, requests: { kind: 'closed', count: 10 } })
  const { requests } = await simulate(scenario, model)
  const last = requests.at(-1)
  expect(last?.outcome).toBe('ok')
  return (last?.endMs ?? 0) - (last?.startMs ?? 0)
}

async function checkAll(kind: PlanKind, slowStart: boolean, segmentMs: number): Promise<Check[]> {
  const checks: Check[] = []
  for (let seed = 1; seed <= 25; seed++) checks.push(await check(seed, kind, slowStart, segmentMs))
  const errors = checks.map((one) => Math.abs(one.simulatedMs / one.predictedMs - 1) * 100).sort((a, b) => a - b)
  const text = `median ${errors[12]?.toFixed(2)} %, worst ${errors.at(-1)?.toFixed(2)} %`
  console.info(`${kind}, ${slowStart ? 'slow start' : 'open windows'}, sessions of ${segmentMs} ms: ${text}`)
  return checks
}

/** Of each way out that some request took: when it answered at last, and when it should have. */
async function checkExits(seed: number): Promise<Check[]> {
  const random = seededRandom(seed)
  const model = randomExits(random)
  const room = randomProcessorsJson(random, 1e9)
  const drawn = randomExitPlan(random, model)
  const { topology, predictor } = readRoom(room)
  const shares = model.settings[0]?.shares ?? []
  const { fullMs = 0, exitMs = [] } = predictPlan(drawn, model, topology, predictor, shares, { segmentMs: 20 }) ?? {}
  const plan = { ...drawn, predicted: { ...drawn.predicted, fullMs } }
  // So far apart that what an answer leaves running is over before the next request.
  const requests = { kind: 'rate', count: 30, perSecond: Math.min(2, 250 / fullMs), arrivals: 'even' }
  const scenario = readScenario({ seed, model: 'random', room, plan, segmentMs: 20, requests })
  const { requests: records } = await simulate(scenario, model)
  expect(records.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
  expect(records.flatMap(({ trace }) => trace?.spans ?? []).filter(({ kind }) => kind === 'recover')).toEqual([])
  const slowestRttMs = Math.max(...topology.links.map(({ rttMs }) => rttMs))
  return [...exitMs.map((ms, at) => ({ name: `exit${at + 1}`, ms })), { name: FINAL_EXIT, ms: fullMs }].flatMap(
    ({ name, ms }) => {
      const last = records.findLast(({ exit }) => exit === name)
      return last === undefined ? [] : [{ seed, predictedMs: ms, simulatedMs: last.endMs - last.startMs, slowestRttMs }]
    },
  )
}

const far = ({ simulatedMs, predictedMs }: Check) => Math.abs(simulatedMs - predictedMs) > 0.5 + 0.01 * simulatedMs

describe('the evaluator against the runtime in simulated time', { timeout: 60_000 }, () => {
  it.each(PLAN_KINDS)(
    'agrees on %s plans within one percent and half a millisecond where windows are open',
    async (kind) => {
      const checks = await checkAll(kind, false, 20)
      expect(checks.filter(far)).toEqual([])
    },
  )

  it('agrees on every exit, wherever it runs and whether it is waited for or raced', async () => {
    const checks: Check[] = []
    for (let seed = 1; seed <= 40; seed++) checks.push(...(await checkExits(seed)))
    const errors = checks.map((one) => Math.abs(one.simulatedMs / one.predictedMs - 1) * 100).sort((a, b) => a - b)
    console.info(
      `exits, open windows: ${checks.length} answers, median ${errors[errors.length >> 1]?.toFixed(2)} %, worst ${errors.at(-1)?.toFixed(2)} %`,
    )
    expect(checks.filter(far)).toEqual([])
  })

  it.each(PLAN_KINDS)('counts the overhead of every session of %s plans', async (kind) => {
    const checks = await checkAll(kind, false, 2)
    expect(checks.filter(far)).toEqual([])
  })

  it.each(PLAN_KINDS)(
    'agrees on %s plans within a round trip where links start slowly, mostly closer',
    async (kind) => {
      const checks = await checkAll(kind, true, 20)
      const off = ({ simulatedMs, predictedMs, slowestRttMs }: Check) =>
        Math.abs(simulatedMs - predictedMs) > 0.5 + 0.01 * simulatedMs + slowestRttMs
      expect(checks.filter(off)).toEqual([])
      expect(checks.filter(far).length).toBeLessThanOrEqual(3)
    },
  )
})
