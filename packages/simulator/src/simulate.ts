import { FINAL_EXIT, type Plan, seededRandom, VirtualClock } from '@roomful/core'
import { checkLimits, exitSettingOf, type PlannableModel, readRoom } from '@roomful/planner'
import { SimulatedDevice } from './device/simulated-device.ts'
import { Usage } from './device/usage.ts'
import { SimulatorError } from './error.ts'
import { SimulatedModel } from './model/simulated-model.ts'
import { type Percentiles, percentilesOf, spanMs } from './report/statistics.ts'
import { type RequestRecord, runRequests } from './requests.ts'
import { Driver } from './room/driver.ts'
import { type Replan, Replanner } from './room/replanner.ts'
import { reportedPredictor } from './room/reported.ts'
import { Stage } from './room/stage.ts'
import { Truth } from './room/truth.ts'
import { lateComers, type Scenario } from './scenario.ts'

/** What one method made of the scenario. Times in simulated ms; bytes with message heads, preparation excluded. */
export interface MethodRun {
  readonly method: string
  /** Set when the method has no plan for the room: nothing was simulated. */
  readonly refused?: string
  readonly percentiles: Percentiles
  readonly throughputPerSecond: number
  readonly utilisation: ReturnType<Usage['over']>
  readonly bytes: number
  readonly replans: readonly Replan[]
  /** Share of the answers by exit. */
  readonly exits: Readonly<Record<string, number>>
  /** The first plan, with what was predicted of it. */
  readonly plan?: Plan
}

/** Every request of every method, and the figures of the first method; `runs` has those of all. */
export interface SimulationResult extends Omit<MethodRun, 'refused'> {
  readonly scenario: string
  readonly seed: number
  readonly durationMs: number
  readonly requests: readonly RequestRecord[]
  readonly runs: readonly MethodRun[]
}

export interface SimulateOptions {
  readonly signal?: AbortSignal
  /** Called after each method. */
  readonly onRun?: (run: MethodRun) => void
}

/** Time for the links to come up before anything is planned. */
const WARM_UP_MS = 2_000

/**
 * Plays a scenario on the browsers' own runtime, on a virtual clock: equal scenarios give equal results.
 * @param model what `scenario.model` names
 * @throws SimulatorError; PlannerError for a malformed room or limits that the model cannot keep; `signal.reason`
 */
export async function simulate(
  scenario: Scenario,
  model: PlannableModel,
  options: SimulateOptions = {},
): Promise<SimulationResult> {
  const requests: RequestRecord[] = []
  const runs: MethodRun[] = []
  checkLimits(model, readRoom(scenario.room).limits)
  const wanted = scenario.plan === undefined ? scenario.methods : [scenario.plan.method]
  for (const method of wanted) {
    options.signal?.throwIfAborted()
    const { records, run } = await simulateMethod(scenario, model, method, options.signal)
    requests.push(...records)
    runs.push(run)
    options.onRun?.(run)
  }
  const [first] = runs
  if (first === undefined) throw new SimulatorError('scenario', 'scenario: no method is named')
  if (runs.every(({ refused }) => refused !== undefined)) throw new SimulatorError('plan', first.refused ?? 'no plan')
  const { refused, ...figures } = first
  const own = requests.filter(({ method }) => method === first.method)
  const { name, seed } = scenario
  return { ...figures, scenario: name, seed, durationMs: spanMs(own), requests, runs }
}

async function simulateMethod(
  scenario: Scenario,
  planned: PlannableModel,
  method: string,
  signal: AbortSignal | undefined,
): Promise<{ records: RequestRecord[]; run: MethodRun }> {
  const clock = new VirtualClock()
  const driver = new Driver(clock, signal)
  const truth = new Truth(scenario.room)
  const usage = new Usage()
  const model = new SimulatedModel(planned)
  let shares: readonly number[] = []
  const changed = () => replanner.changed()
  const stage = new Stage({
    clock,
    random: seededRandom(scenario.seed),
    scenario,
    truth,
    usage,
    onLoad: changed,
    build: (profile, network) =>
      new SimulatedDevice({
        clock,
        room: network.join(profile),
        profile,
        truth,
        model,
        usage,
        shares: () => shares,
        segmentMs: scenario.segmentMs,
        hooks: {
          onTopologyChange: changed,
          onSwitched: ([next]) => {
            const setting = next === undefined ? undefined : exitSettingOf(next.plan, planned)
            shares = setting?.shares ?? []
          },
        },
      }),
  })
  const own = stage.join(scenario.room.initiator)
  const self = () => truth.profile(scenario.room.initiator)
  const profile = self()
  if (own === undefined || profile === undefined) throw new SimulatorError('scenario', 'scenario: no initiator')
  const replanner = new Replanner({
    clock,
    room: own.room,
    runtime: own.runtime,
    self: () => self() ?? profile,
    predictor: (topology) => reportedPredictor(truth, topology),
    model: planned,
    method,
    limits: { ...truth.limits, segmentMs: scenario.segmentMs },
    aside: driver.aside,
  })
  try {
    const late = lateComers(scenario)
    for (const { id } of scenario.room.devices) if (!late.has(id)) stage.join(id)
    await driver.until(passed(clock, WARM_UP_MS))
    const refused = await driver.until(begin(scenario, own, replanner))
    if (refused !== undefined) return { records: [], run: { ...emptyRun(method), refused } }
    const plan = own.current?.plan
    if (scenario.plan === undefined && scenario.replanning) watch(own, changed)
    usage.reset()
    const originMs = clock.now()
    stage.play(scenario.events)
    // Another stream of chance than the links', so that requests do not depend on how many messages there are.
    const random = seededRandom(scenario.seed ^ 0x5eed)
    const pattern = scenario.requests
    const asking = runRequests({ clock, random, runtime: own.runtime, model, pattern, method })
    const records = await driver.until(asking)
    const durationMs = spanMs(records)
    const answered = records.filter(({ outcome }) => outcome === 'ok').length
    const replans = replanner.log.filter(({ atMs }) => atMs >= originMs)
    const run: MethodRun = {
      method,
      percentiles: percentilesOf(records),
      throughputPerSecond: durationMs > 0 ? (answered * 1000) / durationMs : 0,
      utilisation: usage.over(durationMs),
      bytes: usage.bytes,
      replans: replans.map((entry) => ({ ...entry, atMs: entry.atMs - originMs })),
      exits: exitShares(records),
      ...(plan === undefined ? {} : { plan }),
    }
    return { records, run }
  } finally {
    replanner.close()
    const closing = stage[Symbol.asyncDispose]()
    await new Driver(clock).until(closing)
  }
}

/** Installs the first plan. @returns why there is none */
async function begin(
  { plan, replanning }: Scenario,
  own: SimulatedDevice,
  replanner: Replanner,
): Promise<string | undefined> {
  if (plan !== undefined) {
    await own.runtime.install(plan)
    replanner.close()
    return undefined
  }
  const refused = await replanner.start()
  if (!replanning) replanner.close()
  return refused
}

function watch({ room }: SimulatedDevice, changed: () => void): void {
  room.on('peer', changed)
  room.on('gone', changed)
}

function exitShares(records: readonly RequestRecord[]): Record<string, number> {
  const counts: Record<string, number> = {}
  const answered = records.flatMap(({ exit }) => (exit === undefined ? [] : [exit]))
  for (const exit of answered) counts[exit] = (counts[exit] ?? 0) + 1
  const entries = Object.entries(counts).map(([exit, count]) => [exit, count / answered.length] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a === FINAL_EXIT ? 1 : b === FINAL_EXIT ? -1 : a < b ? -1 : 1)))
}

const emptyRun = (method: string): MethodRun => ({
  method,
  percentiles: percentilesOf([]),
  throughputPerSecond: 0,
  utilisation: { devices: [], links: [] },
  bytes: 0,
  replans: [],
  exits: {},
})

const passed = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })
