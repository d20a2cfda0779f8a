import path from 'node:path'
import { type DeviceId, type Random, seededRandom, shuffled } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'
import { somePictures } from '../../../../e2e/rig/plan-asking.ts'
import { readModelShape, type Seat } from '../../../../e2e/rig/plan-shapes.ts'
import { REPOSITORY, Rig } from '../../../../e2e/rig/room.ts'
import { sendPictures } from '../room/closed-loop.ts'
import { benchExits, type ExitsResult } from './exits/bench-exits.ts'
import { type ExitsSummary, exitsSummary } from './exits/summary.ts'
import type { LinkCost, LinkCosts } from './floor.ts'
import { currentCommit, type Machine, machine } from './machine.ts'
import { rawLink } from './raw-link.ts'
import { type RuntimeRow, rowOf, type Spread } from './rows.ts'
import { type RuntimeSample, sampleRequests } from './sample.ts'
import { type RuntimeShape, runtimeShapes } from './shapes.ts'

export interface RuntimeBenchOptions {
  /** Three blocks of 10 requests instead of six of 25; about a minute. */
  readonly quick?: boolean
  readonly random?: Random
  readonly signal?: AbortSignal
  readonly print?: (line: string) => void
}

export interface RuntimeBenchResult {
  readonly what: string
  readonly quick: boolean
  readonly rows: readonly RuntimeRow[]
  readonly summary: {
    /** By number of devices, of the chain. */
    readonly overheadMs: Readonly<Record<string, Spread>>
    /** Of the median, per device beyond the first: slope of the chain from 1 to the most devices. */
    readonly overheadMsPerExtraDevice: number
    readonly exits: ExitsSummary
  }
  readonly exits: ExitsResult
  readonly links: readonly (LinkCost & { readonly from: string; readonly to: string })[]
  readonly machine: Machine
}

const DEVICES = 4
const PICTURES = 10
const WARM_UP = 3

/**
 * Overhead of the runtime per request, over what compute and links alone take, for 1 to 4 Chromium processes on this
 * machine. METHODOLOGY.md defines the figures.
 */
export async function benchRuntime(options: RuntimeBenchOptions = {}): Promise<RuntimeBenchResult> {
  const { quick = false, random = seededRandom(7), print = () => {}, signal } = options
  const [blocks, requests] = quick ? [3, 10] : [6, 25]
  const commit = currentCommit()
  const exits = await benchExits(quick, print)
  signal?.throwIfAborted()
  const rig = await Rig.start()
  try {
    const devices = await rig.join(...Array.from({ length: DEVICES }, (_, index) => ({ name: `device ${index + 1}` })))
    const [asker] = devices
    if (asker === undefined) throw new Error('nobody joined')
    const seats = await Promise.all(devices.map(seatOf))
    const model = readModelShape(path.join(REPOSITORY, 'public/models/imagenette'))
    const shapes = runtimeShapes(model, seats)
    await sendPictures(asker, somePictures(PICTURES))
    const measured = new Map<string, LinkCost[]>()
    const samples = new Map<RuntimeShape, RuntimeSample[]>()
    print(`${DEVICES} devices are linked`)
    for (let block = 0; block < blocks; block++) {
      signal?.throwIfAborted()
      for (const [from, to] of pairs(devices.length)) {
        const [one, two] = [devices[from], devices[to]]
        if (one === undefined || two === undefined) continue
        const cost = await rawLink(one, two)
        measured.set(`${from} ${to}`, [...(measured.get(`${from} ${to}`) ?? []), cost])
      }
      for (const shape of shuffled(shapes, random)) {
        signal?.throwIfAborted()
        await asker.installPlan(shape.plan)
        await sampleRequests(asker, WARM_UP)
        const some = await sampleRequests(asker, requests)
        samples.set(shape, [...(samples.get(shape) ?? []), ...some])
      }
      print(`block ${block + 1} of ${blocks}`)
    }
    const links = [...measured].map(([pair, costs]) => {
      const [from, to] = pair.split(' ').map(Number)
      return { from: from ?? 0, to: to ?? 0, ...medianCost(costs) }
    })
    const costs = costsOf(links, seats)
    const initiator = seats[0]?.device ?? ('' as DeviceId)
    const rows = shapes.map((shape) => rowOf(shape, samples.get(shape) ?? [], costs, initiator))
    return {
      what: WHAT,
      quick,
      rows,
      summary: { ...summaryOf(rows), exits: exitsSummary(exits) },
      exits,
      links: links.map(({ from, to, ...cost }) => ({ from: `device ${from + 1}`, to: `device ${to + 1}`, ...cost })),
      machine: machine(asker.page.context().browser()?.version(), commit),
    }
  } finally {
    await rig.close()
  }
}

const WHAT =
  'Chromium processes on one machine, loopback; imagenette, 8-bit wire, no exits; overhead = time of infer() minus the ' +
  'longest path of compute (from the trace) and links (half a round trip per hop and bytes over bandwidth, of a raw ' +
  'RTCDataChannel between the same pages in the same run)'

async function seatOf(device: Device): Promise<Seat> {
  const { self } = await device.snapshot()
  const [fastest] = self.backends
  if (fastest === undefined) throw new Error(`${self.name} has measured nothing`)
  return { device: self.id, backend: fastest.backend }
}

/** All pairs, in one direction: the links are symmetric. */
function pairs(count: number): [number, number][] {
  return Array.from({ length: count }, (_, a) => a).flatMap((a) =>
    Array.from({ length: count - a - 1 }, (_, index): [number, number] => [a, a + 1 + index]),
  )
}

function medianCost(costs: readonly LinkCost[]): LinkCost {
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
  return { rttMs: middle(costs.map(({ rttMs }) => rttMs)), bytesPerMs: middle(costs.map((cost) => cost.bytesPerMs)) }
}

function costsOf(links: readonly (LinkCost & { from: number; to: number })[], seats: readonly Seat[]): LinkCosts {
  return (from, to) => {
    const ends = [from, to].map((device) => seats.findIndex((seat) => seat.device === device))
    const found = links.find((link) => ends.includes(link.from) && ends.includes(link.to))
    if (found === undefined) throw new Error(`the link between ${from} and ${to} was not measured`)
    return found
  }
}

function summaryOf(rows: readonly RuntimeRow[]): Omit<RuntimeBenchResult['summary'], 'exits'> {
  const chains = rows.filter(({ shape }) => shape === 'chain')
  const [first] = chains
  const last = chains.at(-1)
  const more = (last?.devices ?? 1) - (first?.devices ?? 1)
  const difference = (last?.overheadMs.median ?? Number.NaN) - (first?.overheadMs.median ?? Number.NaN)
  return {
    overheadMs: Object.fromEntries(chains.map(({ devices, overheadMs }) => [devices, overheadMs])),
    overheadMsPerExtraDevice: difference / more,
  }
}
