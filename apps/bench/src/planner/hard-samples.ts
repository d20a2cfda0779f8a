import { type Backend, deviceId, type ExitPlacement, FINAL_EXIT, type LayerVolume, type Plan } from '@roomful/core'
import { type PlannableModel, planWith, predictPlan, readRoom } from '@roomful/planner'
import { percentilesOf, readScenario, simulate } from '@roomful/simulator'

/** A phone with two processors: GMAC/s and ms that a run costs beside its work, the GPU's read-back among them. */
export interface TwoProcessors {
  readonly gpuGmacs: number
  readonly gpuRunMs: number
  readonly cpuGmacs: number
  readonly cpuRunMs: number
}

/** Stated, not measured: GPUs of several speeds and costs of a run, each with a CPU of about a third of its speed. */
export const PROFILES: readonly TwoProcessors[] = [
  { gpuGmacs: 3.5, gpuRunMs: 5, cpuGmacs: 1.3, cpuRunMs: 0.3 },
  { gpuGmacs: 6, gpuRunMs: 3, cpuGmacs: 2, cpuRunMs: 0.3 },
  { gpuGmacs: 6, gpuRunMs: 1, cpuGmacs: 2, cpuRunMs: 0.3 },
  { gpuGmacs: 3, gpuRunMs: 3, cpuGmacs: 1.1, cpuRunMs: 0.3 },
  { gpuGmacs: 1.5, gpuRunMs: 1.5, cpuGmacs: 0.55, cpuRunMs: 0.3 },
  { gpuGmacs: 12, gpuRunMs: 0.2, cpuGmacs: 4, cpuRunMs: 0.2 },
]

/** Simulated ms of a sample that leaves at no exit. */
export interface HardSamples {
  readonly model: string
  readonly profile: TwoProcessors
  /** The network without exits on the GPU: what METHODS section 2 does not want to be delayed. */
  readonly trunkMs: number
  /** The multi-exit network as it is, every exit computed, on one processor. */
  readonly cpuMs: number
  readonly gpuMs: number
  /** Absent where `ciahp` places no exit; then `why`. */
  readonly ciahp?: {
    readonly ms: number
    readonly predictedMs: number
    /** The same exits, no others, on the GPU. */
    readonly sameExitsMs: number
    /** How many exits of the network are placed, and how many of them on the CPU. */
    readonly exits: number
    readonly onCpu: number
  }
  readonly why?: string
  /** Exits of the network. */
  readonly exits: number
}

const PHONE = 'phone'
const GPU: Backend = 'ort-webgpu'
const CPU: Backend = 'ort-wasm'
const REQUESTS = 5
const MAX_LOSS = 0.02
const DEADLINE_MS = 1e6

export async function hardSamples(
  name: string,
  model: PlannableModel,
  profiles: readonly TwoProcessors[] = PROFILES,
): Promise<HardSamples[]> {
  const out: HardSamples[] = []
  for (const profile of profiles) out.push(await hardSamplesOn(name, model, profile))
  return out
}

async function hardSamplesOn(name: string, model: PlannableModel, profile: TwoProcessors): Promise<HardSamples> {
  const json = roomJson(profile)
  const { topology, predictor } = readRoom(json)
  const placed = await planWith('ciahp', model, topology, predictor, { maxAccuracyLoss: MAX_LOSS })
  const time = async (drawn: Pick<Plan, 'volumes' | 'exits'>): Promise<number> => {
    const plan = { ...bare(model), ...drawn }
    const timeline = predictPlan(plan, model, topology, predictor)
    if (timeline === undefined) throw new Error(`${name}: the plan does not fit the room`)
    const { latencyMs, fullMs, throughputPerSecond, bytes } = timeline
    return played(model, json, { ...plan, predicted: { latencyMs, fullMs, throughputPerSecond, bytes } })
  }
  const cuts = model.exits.map(({ point }) => point)
  const everything = (backend: Backend) =>
    time({ volumes: volumesOn(model, backend, cuts), exits: model.exits.map((exit) => inTurn(exit, backend)) })
  const figures = {
    model: name,
    profile,
    exits: model.exits.length,
    trunkMs: await time({ volumes: volumesOn(model, GPU, []), exits: [] }),
    cpuMs: await everything(CPU),
    gpuMs: await everything(GPU),
  }
  if (!placed.ok) return { ...figures, why: placed.message }
  const { volumes, exits, predicted } = placed.plan
  const same = exits.map((exit): ExitPlacement => ({ ...exit, backend: GPU, mode: 'wait' }))
  const ciahp = {
    ms: await time({ volumes, exits }),
    predictedMs: predicted.fullMs,
    sameExitsMs: await time({ volumes, exits: same }),
    exits: exits.length,
    onCpu: exits.filter(({ backend }) => backend === CPU).length,
  }
  return { ...figures, ciahp }
}

function roomJson({ gpuGmacs, gpuRunMs, cpuGmacs, cpuRunMs }: TwoProcessors) {
  const backends = [
    { backend: GPU, gmacsPerSecond: gpuGmacs, overheadMs: gpuRunMs },
    { backend: CPU, gmacsPerSecond: cpuGmacs, overheadMs: cpuRunMs },
  ]
  return { initiator: PHONE, devices: [{ id: PHONE, backends }], links: [] }
}

/** The median of requests none of which an exit is sure of. */
async function played(model: PlannableModel, room: ReturnType<typeof roomJson>, plan: Plan): Promise<number> {
  const settings = model.settings.map((setting) => {
    return { ...setting, shares: setting.shares.map((_, at, { length }) => (at === length - 1 ? 1 : 0)) }
  })
  const requests = { kind: 'closed', count: REQUESTS, deadlineMs: DEADLINE_MS }
  const result = await simulate(readScenario({ model: 'given', room, plan, requests }), { ...model, settings })
  if (result.exits[FINAL_EXIT] !== 1) throw new Error('a hard sample has left at an exit')
  return percentilesOf(result.requests).p50Ms
}

const inTurn = ({ name, threshold }: PlannableModel['exits'][number], backend: Backend): ExitPlacement => ({
  exit: name,
  device: deviceId(PHONE),
  backend,
  threshold,
  mode: 'wait',
})

function volumesOn(model: PlannableModel, backend: Backend, cuts: readonly number[]): LayerVolume[] {
  const ends = [...new Set(cuts), model.points.length - 1]
  const tensor = (point: number) => model.points[point]?.tensor ?? ''
  return ends.map((to, at) => ({
    from: tensor(ends[at - 1] ?? 0),
    to: tensor(to),
    shards: [{ device: deviceId(PHONE), backend }],
    wire: { bits: 32, entropy: 'none' },
    route: 'peer',
  }))
}

const bare = ({ digest, trunk }: PlannableModel): Plan => ({
  model: digest,
  trunk,
  input: { kind: 'tensor' },
  volumes: [],
  exits: [],
  predicted: { latencyMs: 0, fullMs: 0, throughputPerSecond: 0, bytes: 0 },
  method: 'ciahp',
})
