import type { Clock, DeviceId } from '@roomful/core'
import { checkPicture, coverPixels } from '@roomful/tensor'
import type { Picture } from '../session.ts'
import { writeColours } from './write-colours.ts'

/** One picture in this time at most: preparing it takes a weak device a moment. */
const EVERY_MS = 5_000
const MOST = 3
const KEPT_MS = 300_000

interface Kept {
  readonly picture: Picture
  readonly atMs: number
  readonly devices: ReadonlySet<DeviceId>
}

/**
 * A few of the last pictures that somebody asked about, at the model's size and in memory only: what plans are compared on,
 * since exits do on a grey picture what they do on no other. They go to nobody who was not in the room when they were asked about.
 */
export class RecentPictures {
  readonly #clock: Clock
  #kept: readonly Kept[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Copies what it keeps. `size`: the model's input; `devices`: who is in the room, asked for only where the picture is kept. */
  keep(
    picture: Picture,
    size: { readonly width: number; readonly height: number },
    devices: () => readonly DeviceId[],
  ): void {
    const atMs = this.#clock.now()
    if (atMs - (this.#kept.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return
    const { width, height } = size
    const present = new Set(devices())
    try {
      checkPicture(picture)
      const small = { width, height, data: opaque(coverPixels(picture, width, height)) }
      this.#kept = [...this.#kept, { picture: small, atMs, devices: present }].slice(-MOST)
    } catch {
      // No picture: whoever asked about it is told so.
    }
  }

  /** Copies of those of the last minutes that all of these devices may see, oldest first. */
  among(devices: readonly DeviceId[]): Picture[] {
    const sinceMs = this.#clock.now() - KEPT_MS
    this.#kept = this.#kept.filter(({ atMs }) => atMs >= sinceMs)
    const mine = this.#kept.filter((one) => devices.every((device) => one.devices.has(device)))
    return mine.map(({ picture }) => ({ ...picture, data: picture.data.slice() }))
  }
}

function opaque(rgb: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const data = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255)
  writeColours(data, rgb, 3)
  return data
}
