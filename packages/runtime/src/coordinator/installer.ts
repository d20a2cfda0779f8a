import type { Clock, DeviceId, ModelDigest, Plan, PlanId } from '@roomful/core'
import { checkPlan, errorText, planDevices, planId } from '@roomful/core'
import { type Room, TransportError } from '@roomful/transport'
import { RuntimeError } from '../error.ts'
import type { ModelLibrary, StagedModel } from '../model/staged-model.ts'
import { layOut, type PlanLayout } from '../plan/layout.ts'
import type { StageWorker } from '../stage/stage-worker.ts'
import type { RequestLinks } from '../wire/request-links.ts'
import { LatencyTracker } from './latency-tracker.ts'
import type { QuietBuild } from './quiet-build.ts'

/** A plan that every device in it has built and warmed. */
export interface InstalledPlan {
  readonly planId: PlanId
  readonly plan: Plan
  readonly layout: PlanLayout
  readonly model: StagedModel
  readonly devices: readonly DeviceId[]
  readonly latency: LatencyTracker
  readonly prepared: readonly { readonly device: DeviceId; readonly buildMs: number; readonly fetchedBytes: number }[]
}

export interface InstallerOptions {
  readonly room: Room
  readonly clock: Clock
  readonly library: ModelLibrary
  readonly worker: StageWorker
  readonly links: RequestLinks
  readonly manifestUrl?: (digest: ModelDigest) => string | undefined
  /** Longest wait for one device to fetch, build and warm its stages, in milliseconds. Default 60,000. */
  readonly prepareTimeoutMs?: number
  readonly onDropped?: (device: DeviceId, reason: string) => void
  /** The last request on a retired plan has ended. */
  readonly onRetired?: (installed: InstalledPlan) => void
}

/** The two-phase change of plan: all devices are ready, or nobody keeps anything. */
export class Installer {
  readonly #o: InstallerOptions
  readonly #use = new Map<PlanId, { installed: InstalledPlan; requests: number; retired: boolean }>()
  #count = 0

  constructor(options: InstallerOptions) {
    this.#o = options
  }

  get size(): number {
    return this.#use.size
  }

  /**
   * Prepares the plan on every device it names; with `quiet`, this device builds its part in quiet moments.
   * @throws RuntimeError `bad-plan`, or `prepare-failed` with the devices that could not (`devices`)
   */
  async prepare(wanted: Plan, signal?: AbortSignal, quiet?: QuietBuild): Promise<InstalledPlan> {
    const { room, library } = this.#o
    const plan = checkPlan(wanted)
    const model = await library.open(plan.model, {}, signal)
    const layout = layOut(plan, model, room.self)
    const id = planId(`${room.self}:p${++this.#count}`)
    const order = this.#order(id, plan)
    const devices = devicesOf(plan, room.self)
    // One failure is enough: the others need not finish what nobody will use.
    const together = new AbortController()
    const both = signal === undefined ? together.signal : AbortSignal.any([signal, together.signal])
    const outcomes = await Promise.all(
      devices.map(async (device) => {
        try {
          const done = await this.#prepareOn(device, order, both, quiet)
          return { ok: true as const, device, ...done }
        } catch (error) {
          // After the first failure the others fail because they were told to stop.
          const stopped = together.signal.aborted
          together.abort(new RuntimeError('prepare-failed', `${device} could not prepare`))
          return { ok: false as const, device, error, stopped }
        }
      }),
    )
    const failed = outcomes.flatMap((outcome) => (outcome.ok || outcome.stopped ? [] : [outcome]))
    if (outcomes.some((outcome) => !outcome.ok)) {
      for (const device of devices) this.#retireOn(device, id)
      signal?.throwIfAborted()
      for (const { device, error } of failed) this.#o.onDropped?.(device, errorText(error))
      const names = failed.map(({ device, error }) => `${device}: ${errorText(error)}`).join('; ')
      const unable = failed.map(({ device }) => device)
      throw new RuntimeError('prepare-failed', names, { cause: failed[0]?.error, devices: unable })
    }
    const prepared = outcomes.flatMap((outcome) =>
      outcome.ok ? [{ device: outcome.device, buildMs: outcome.buildMs, fetchedBytes: outcome.fetchedBytes }] : [],
    )
    const latency = new LatencyTracker(plan.predicted.fullMs)
    const installed: InstalledPlan = { planId: id, plan, layout, model, devices, latency, prepared }
    this.#use.set(id, { installed, requests: 0, retired: false })
    return installed
  }

  /** Prepares an installed plan once more on a device that has lost it (it was gone for a while). @throws as `prepare` */
  async renew(installed: InstalledPlan, device: DeviceId): Promise<void> {
    const { planId: id, plan } = installed
    await this.#prepareOn(device, this.#order(id, plan), undefined)
    if (!this.#use.has(id)) this.#retireOn(device, id)
  }

  #order(id: PlanId, plan: Plan) {
    const { room, manifestUrl } = this.#o
    const url = manifestUrl?.(plan.model)
    return { planId: id, plan, initiator: room.self, ...(url === undefined ? {} : { manifestUrl: url }) }
  }

  /** A request runs on it: it stays until `leave`, retired or not. */
  enter(installed: InstalledPlan): void {
    const use = this.#use.get(installed.planId)
    if (use !== undefined) use.requests++
  }

  leave(installed: InstalledPlan): void {
    const use = this.#use.get(installed.planId)
    if (use === undefined) return
    use.requests--
    if (use.retired && use.requests <= 0) this.#drop(installed)
  }

  /** No new requests; its devices forget it when the last one has ended. */
  retire(installed: InstalledPlan): void {
    const use = this.#use.get(installed.planId)
    if (use === undefined) return
    use.retired = true
    if (use.requests <= 0) this.#drop(installed)
  }

  retireAll(): void {
    for (const { installed } of this.#use.values()) this.#drop(installed)
  }

  #drop(installed: InstalledPlan): void {
    this.#use.delete(installed.planId)
    for (const device of installed.devices) this.#retireOn(device, installed.planId)
    this.#o.onRetired?.(installed)
  }

  async #prepareOn(
    device: DeviceId,
    order: { planId: PlanId; plan: Plan; initiator: DeviceId; manifestUrl?: string },
    signal: AbortSignal | undefined,
    quiet?: QuietBuild,
  ): Promise<{ buildMs: number; fetchedBytes: number }> {
    const { room, worker, links } = this.#o
    if (device === room.self) {
      return worker.prepare(quiet === undefined ? order : { ...order, pace: (stop) => quiet.next(stop) }, signal)
    }
    if (!links.reachable(device)) throw new TransportError('disconnected', `${device} is not linked`)
    const timeoutMs = this.#o.prepareTimeoutMs ?? 60_000
    return room.request(device, 'prepare', order, { timeoutMs, signal, priority: 'control' })
  }

  #retireOn(device: DeviceId, id: PlanId): void {
    const { room, worker, links } = this.#o
    if (device === room.self) {
      worker.retire({ planId: id, initiator: room.self })
      return
    }
    if (!links.reachable(device)) return
    // Not answered: the device is gone or forgets the plan when this device leaves.
    room.request(device, 'retire', { planId: id }, { timeoutMs: 10_000, priority: 'control' }).catch(() => {})
  }
}

/** Every device that a plan needs: those that it names, and the initiator where maps go through it. */
function devicesOf(plan: Plan, initiator: DeviceId): DeviceId[] {
  const relays = plan.volumes.slice(0, -1).some(({ route }) => route === 'leader')
  return [...new Set([...planDevices(plan), ...(relays ? [initiator] : [])])]
}
