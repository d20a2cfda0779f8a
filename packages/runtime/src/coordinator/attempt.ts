import type { Backend, DeviceId, ExitName, RequestId } from '@roomful/core'
import type { PlanLayout } from '../plan/layout.ts'
import { follows, gates, holders, passesOn } from '../plan/routes.ts'
import type { RowAssembler } from '../stage/row-assembler.ts'
import type { InstalledPlan } from './installer.ts'
import type { SpanBatch } from './place-spans.ts'

/** Reports of a device beyond one for each of its stages that are still kept: some ends of a request bring one more. */
const SPARE_REPORTS = 4

/** One try at a request: one plan, from one of its cuts on. It has a request id of its own, so tries never mix. */
export class Attempt {
  readonly id: RequestId
  readonly installed: InstalledPlan
  readonly startVolume: number
  readonly startMs: number
  readonly #batches: SpanBatch[] = []
  readonly #controller = new AbortController()
  /** Stages that have not reported yet, by device. */
  readonly #open: Map<DeviceId, number>
  /** How many more reports of each device are kept. */
  readonly #reportsLeft: Map<DeviceId, number>
  readonly #isWatched: boolean
  /** Rows of a sharded last volume's output, as they come. */
  gathering: RowAssembler | undefined
  running = true
  /** It has not answered when it should have. */
  late = false
  stopLateTimer: () => void = () => {}

  constructor(id: RequestId, installed: InstalledPlan, startVolume: number, startMs: number, isWatched = false) {
    this.id = id
    this.installed = installed
    this.startVolume = startVolume
    this.startMs = startMs
    this.#isWatched = isWatched
    this.#open = stagesFrom(installed.layout, startVolume, isWatched)
    this.#reportsLeft = new Map([...this.#open].map(([device, stages]) => [device, stages + SPARE_REPORTS]))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Devices that still have something to do, or to drop. */
  get openDevices(): DeviceId[] {
    return [...this.#open].flatMap(([device, stages]) => (stages > 0 ? [device] : []))
  }

  get devices(): DeviceId[] {
    return [...this.#open.keys()]
  }

  /** What its stages have told. */
  get batches(): readonly SpanBatch[] {
    return this.#batches
  }

  /** A stage has ended. What a device tells beyond its stages is dropped: it would fill the memory until the request ends. */
  stageReported(batch: SpanBatch): void {
    const { device } = batch
    const left = this.#reportsLeft.get(device) ?? SPARE_REPORTS
    this.#reportsLeft.set(device, left - 1)
    if (left > 0) this.#batches.push(batch)
    this.#open.set(device, Math.max(0, (this.#open.get(device) ?? 0) - 1))
  }

  /** The exit has answered. Where it held the trunk or ended a chain, nothing that comes after it has begun. */
  endedBy(exit: ExitName): void {
    const { layout } = this.installed
    const isGate = (volume: number) => gates(layout, volume).some(({ placement }) => placement.exit === exit)
    const held = layout.cuts.findIndex((_, volume) => holders(layout, volume).includes(exit) || isGate(volume))
    if (held < 0) return
    // A gate's own answer was its chain's report: one stage of that device is off the list already.
    const chain = isGate(held) ? layout.shards[held]?.[0]?.device : undefined
    for (const [device, stages] of stagesFrom(layout, held, this.#isWatched)) {
      const left = device === chain ? stages - 1 : stages
      this.#open.set(device, Math.max(0, (this.#open.get(device) ?? 0) - left))
    }
    if (chain !== undefined) return
    const waiting = holders(layout, held)
    for (const later of waiting.slice(waiting.indexOf(exit) + 1)) {
      const device = layout.cuts[held]?.exits.find(({ placement }) => placement.exit === later)?.placement.device
      if (device !== undefined) this.#open.set(device, Math.max(0, (this.#open.get(device) ?? 0) - 1))
    }
  }

  isOpen(device: DeviceId): boolean {
    return (this.#open.get(device) ?? 0) > 0
  }

  /** Whether the trunk cannot end without the device: it has a shard, or an exit that holds the trunk. */
  needs(device: DeviceId): boolean {
    const { layout } = this.installed
    const computes = layout.shards.slice(this.startVolume).some((shards) => shards.some((s) => s.device === device))
    return (
      computes ||
      layout.cuts
        .slice(this.startVolume + 1)
        .some((cut) => cut.exits.some(({ placement }) => placement.device === device && placement.mode === 'wait'))
    )
  }

  backendsOf(device: DeviceId): Backend[] {
    const { shards, plan } = this.installed.layout
    return [...shards.flat(), ...plan.exits].filter((one) => one.device === device).map(({ backend }) => backend)
  }

  stop(reason: unknown): void {
    this.running = false
    this.stopLateTimer()
    this.#controller.abort(reason)
  }
}

/** How often each device reports: once for each stage, and once for all of a chain that nobody else needs a map of. */
function stagesFrom(layout: PlanLayout, startVolume: number, isWatched: boolean): Map<DeviceId, number> {
  const stages = new Map<DeviceId, number>()
  const add = (device: DeviceId, count = 1) => stages.set(device, (stages.get(device) ?? 0) + count)
  for (const [volume, shards] of layout.shards.entries()) {
    if (volume < startVolume) continue
    const next = volume + 1
    for (const { device } of shards) {
      const isTold = !follows(layout, next) || passesOn(layout, next, device, isWatched)
      add(device, isTold ? 1 : 0)
    }
  }
  for (const [volume, cut] of layout.cuts.entries()) {
    if (volume <= startVolume) continue
    const chained = gates(layout, volume)
    for (const exit of cut.exits) if (!chained.includes(exit)) add(exit.placement.device)
    if (layout.plan.volumes[volume - 1]?.route === 'leader' && volume < layout.shards.length) add(layout.initiator)
  }
  return stages
}
