import type { Device } from '../../../../e2e/rig/device.ts'
import type { Alone } from './alone/alone.ts'
import { sendPictures } from './closed-loop.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import type { MethodPlan } from './methods.ts'
import type { BenchPictures } from './picture-stream.ts'

/** Requests that a loop may have for each that its prediction lets expect. */
const MARGIN = 1.5
const FEWEST = 12

/** Pictures of a block: enough for the method that is predicted to be the fastest, and no more, because sending them takes time. */
export function picturesFor({ loopMs, picturesPerBlock }: Extent, plans: readonly MethodPlan[]): number {
  const fastestMs = Math.min(...plans.map(({ plan }) => plan.predicted.latencyMs))
  const wanted = Number.isFinite(fastestMs) ? Math.ceil((MARGIN * loopMs) / Math.max(1, fastestMs)) : picturesPerBlock
  return Math.min(picturesPerBlock, Math.max(FEWEST, wanted))
}

/** Brings pictures into the pages that ask, in their order, when they are needed and at full speed. */
export class PictureSupply {
  readonly #pictures: BenchPictures['pictures']
  #sent: number

  /** `sent`: how many every page has had already. */
  constructor({ pictures }: BenchPictures, sent: number) {
    this.#pictures = pictures
    this.#sent = Math.min(sent, pictures.length)
  }

  /** The initiator, and the page of what runs alone, hold at least the first `count` from now on. */
  async upTo(count: number, room: EmulatedRoom, alone: Alone | undefined): Promise<void> {
    const more = this.#pictures.slice(this.#sent, count)
    if (more.length === 0) return
    const send = (device: Device) => sendPictures(device, more)
    await Promise.all([room.prepared(() => send(room.initiator)), alone?.prepared(send)])
    this.#sent += more.length
  }
}
