import { type Plan, type Random, type Schedule, seededRandom, shuffled } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'
import type { MeasuredBlock } from './block-means.ts'
import { closedLoop, type LoopOptions } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import { type Extent, loopOf } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import { type BenchPictures, blockStream } from './picture-stream.ts'
import type { RequestTrace } from './traces.ts'

/** After a change of CPU shares the quotas' debts are paid by then. */
const SETTLE_MS = 300
/** Requests at full speed before a plan is measured: after its first answer a device gets ready to complete alone. */
const WARM_REQUESTS = 3
const ONCE_REQUESTS = 2
/** A plan that is slower than this even at full speed is not warmed further. */
const WARM_LIMIT_MS = 10_000

/** Runs blocks and keeps what was measured. */
export class BlockRun {
  readonly measured: MeasuredBlock[] = []
  readonly traces: RequestTrace[] = []
  /** Methods that could not be installed or answered nothing, with the block and the reason: no further block tries them. */
  readonly failed = new Map<string, string>()
  readonly #room: EmulatedRoom
  readonly #plans: readonly MethodPlan[]
  readonly #extent: Extent
  readonly #streams: readonly (readonly number[])[]

  constructor(room: EmulatedRoom, plans: readonly MethodPlan[], pictures: BenchPictures, extent: Extent, seed: number) {
    this.#room = room
    this.#plans = plans.filter(({ sameAs }) => sameAs === undefined)
    this.#extent = extent
    const random = seededRandom(seed + 1)
    const order = shuffled([...Array(pictures.distinct).keys()], random)
    this.#streams = Array.from({ length: extent.blocks }, (_, block) => {
      // Where pictures are few the blocks share them.
      const at = (index: number) => order[(block * extent.picturesPerBlock + index) % order.length] ?? 0
      const fresh = Array.from({ length: Math.min(extent.picturesPerBlock, order.length) }, (_, index) => at(index))
      return blockStream(fresh, room.scenario.repeats, random)
    })
  }

  async block(block: number, random: Random, signal?: AbortSignal): Promise<void> {
    const { initiator } = this.#room
    for (const { method, plan, cache, once } of shuffled(this.#plans, random)) {
      signal?.throwIfAborted()
      if (this.failed.has(method) || (once && block > 0)) continue
      try {
        await installWarm(this.#room, plan, once ? 1 : WARM_REQUESTS)
        const stream = this.#streams[block] ?? []
        const loop = { ...loopOf(this.#extent, stream), cache }
        const { samples, traces } = once
          ? await closedLoop(initiator, { ...loop, pictures: stream.slice(0, ONCE_REQUESTS), forMs: 0 })
          : await measureLoop(initiator, loop)
        this.measured.push({ method, block, samples })
        for (const [request, trace] of traces.entries()) {
          if (trace !== null) this.traces.push({ method, block, request, trace })
        }
        if (samples.every(({ failed }) => failed !== undefined))
          throw new Error(samples[0]?.failed ?? 'no request ended')
      } catch (error) {
        const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
        this.failed.set(method, `in block ${block + 1}: ${why}`)
      }
    }
  }
}

/** Installs a plan and warms it up with all devices at full speed, until nothing is built in the background any more. */
export async function installWarm(
  room: EmulatedRoom,
  plan: Plan | Schedule,
  requests = WARM_REQUESTS,
  device = room.initiator,
): Promise<void> {
  const pictures = Array.from({ length: requests }, (_, index) => index)
  await room.prepared(async () => {
    await device.page.evaluate((wanted) => globalThis.roomful?.session.installPlan(wanted), plan)
    await closedLoop(device, {
      pictures,
      forMs: 0,
      minCount: requests,
      limitMs: WARM_LIMIT_MS,
      deadlineMs: WARM_LIMIT_MS,
      cache: false,
    })
    await room.settled()
  })
}

/** A request that does not count, then the loop. */
export async function measureLoop(device: Device, options: LoopOptions) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const [first = 0] = options.pictures
  await closedLoop(device, { ...options, pictures: [first], cache: false })
  return closedLoop(device, options)
}
