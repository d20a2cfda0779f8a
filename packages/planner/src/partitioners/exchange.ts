import type { DraftShard } from '../evaluator/draft.ts'
import { wireAt } from '../evaluator/draft.ts'
import type { MessageLink } from '../evaluator/message-link.ts'
import type { Room } from '../evaluator/room.ts'
import { type PlannableModel, pointAt } from '../model/plannable.ts'
import { tileBytes } from '../model/wires.ts'

/** What does not depend on who holds what: one partition point in one wire format. */
interface Tensor {
  /** Bytes of a message by its rows; negative: not known yet. */
  readonly bytes: Float64Array
  /** Per device, ms per row. */
  readonly encodeMs: Float64Array
  readonly decodeMs: Float64Array
}

/**
 * Time to bring rows held as `held` at a point to who needs `needed` of them: the busiest uplink or downlink, the
 * longest way, packing. An estimate for searches, which ask very often; the evaluator has the last word.
 */
export class Exchanges {
  readonly #model: PlannableModel
  readonly #room: Room
  readonly #device: Int32Array
  readonly #links: readonly (MessageLink | undefined)[]
  readonly #up: Float64Array
  readonly #down: Float64Array
  readonly #tensors: Tensor[][] = []

  constructor(model: PlannableModel, room: Room) {
    this.#model = model
    this.#room = room
    this.#device = Int32Array.from(room.processors, ({ device }) => device)
    this.#links = room.links.flat()
    this.#up = new Float64Array(room.devices.length)
    this.#down = new Float64Array(room.devices.length)
  }

  /** `held` does not overlap and both are in the order of their rows. Infinity where a link is missing. */
  ms(point: number, held: readonly DraftShard[], needed: readonly DraftShard[], wire: number): number {
    const { bytes, encodeMs, decodeMs } = this.#tensors[point]?.[wire] ?? this.#tensor(point, wire)
    const up = this.#up
    const down = this.#down
    const count = up.length
    up.fill(0)
    down.fill(0)
    let delay = 0
    let first = 0
    for (let n = 0; n < needed.length; n++) {
      const need = needed[n] as DraftShard
      const { start, end } = need
      const to = this.#device[need.processor] as number
      while (first < held.length && (held[first] as DraftShard).end <= start) first++
      for (let h = first; h < held.length; h++) {
        const have = held[h] as DraftShard
        if (have.start >= end) break
        const from = this.#device[have.processor] as number
        if (from === to) continue
        const rows = Math.min(end, have.end) - Math.max(start, have.start)
        if (rows <= 0) continue
        const link = this.#links[from * count + to]
        if (link === undefined) return Number.POSITIVE_INFINITY
        let size = bytes[rows] as number
        if (size < 0) {
          size = tileBytes(pointAt(this.#model, point), wireAt(this.#model, point, wire), rows)
          bytes[rows] = size
        }
        const serial = link.serialMs(size)
        up[from] = (up[from] as number) + serial
        down[to] = (down[to] as number) + serial
        const ms = link.delayMs(size) + rows * ((encodeMs[from] as number) + (decodeMs[to] as number))
        if (ms > delay) delay = ms
      }
    }
    let busiest = 0
    for (let i = 0; i < count; i++) {
      if ((up[i] as number) > busiest) busiest = up[i] as number
      if ((down[i] as number) > busiest) busiest = down[i] as number
    }
    return busiest + delay
  }

  #tensor(point: number, wire: number): Tensor {
    const { rows, elementsPerRow } = pointAt(this.#model, point)
    const format = wireAt(this.#model, point, wire).wire
    const made: Tensor = {
      bytes: new Float64Array(Math.max(1, rows) + 1).fill(-1),
      encodeMs: Float64Array.from(this.#room.devices, ({ codec }) => codec.encodeMs(elementsPerRow, format)),
      decodeMs: Float64Array.from(this.#room.devices, ({ codec }) => codec.decodeMs(elementsPerRow, format)),
    }
    this.#tensors[point] ??= []
    ;(this.#tensors[point] as Tensor[])[wire] = made
    return made
  }
}
