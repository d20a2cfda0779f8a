import type { Span, WireFormat } from '@roomful/core'
import { occupy, Resources } from './resources.ts'
import type { Room } from './room.ts'

/** What a tensor is on the wire. */
export interface Payload {
  readonly kind: 'feature' | 'picture'
  readonly wire: WireFormat
  readonly elementsPerRow: number
  /** For a picture: its bytes as a whole, whatever rows are needed. */
  readonly bytesPerRow: number
  readonly pixels: number
  readonly encoderMacs: number
  readonly decoderMacs: number
  readonly accuracyLoss: number
}

/** Books computes and transfers of one request on the room's resources. */
export class Transfers {
  readonly #room: Room
  readonly #use: Resources
  readonly #pictureMs: Float64Array
  #spans: Span[] | undefined
  bytes = 0
  messages = 0
  /** Rows sent as features or pictures, answers excluded. */
  rows = 0
  /** Probability that a request has not been answered at a time. */
  aliveAt: (ms: number) => number = () => 1

  constructor(room: Room) {
    this.#room = room
    this.#use = new Resources(room.processors.length, room.devices.length)
    this.#pictureMs = new Float64Array(1)
  }

  begin(spans: Span[] | undefined): void {
    this.#use.reset()
    this.#pictureMs[0] = -1
    this.#spans = spans
    this.bytes = 0
    this.messages = 0
    this.rows = 0
  }

  /** One run on a processor; returns its end. */
  compute(processor: number, readyMs: number, ms: number, volume: number, exit?: string): number {
    const use = this.#use
    const startMs = Math.max(readyMs, use.processorFree[processor] as number)
    const end = occupy(use.processorFree, use.processorBusy, processor, readyMs, ms, this.aliveAt(startMs))
    if (this.#spans !== undefined) {
      const device = this.#id(this.#room.processors[processor]?.device ?? 0)
      const kind = exit === undefined ? 'compute' : 'exit'
      this.#spans.push({ device, kind, startMs, endMs: end, volume, ...(exit === undefined ? {} : { exit }) })
    }
    return end
  }

  /** Rows from one device to another: encode, uplink, way, downlink, decode. Infinity when there is no link. */
  send(from: number, to: number, rows: number, readyMs: number, payload: Payload, volume: number): number {
    const link = this.#room.links[from]?.[to]
    if (link === undefined) return Number.POSITIVE_INFINITY
    this.rows += rows
    const elements = payload.elementsPerRow * rows
    const bytes = payload.kind === 'picture' ? payload.bytesPerRow : payload.bytesPerRow * rows
    const encodedMs = this.#encode(from, elements, readyMs, payload, volume)
    const arrivalMs = this.#transmit(from, to, bytes, encodedMs, volume)
    const codec = this.#room.devices[to]?.codec
    const decodeMs =
      payload.kind === 'picture' ? codec?.pictureMs(payload.pixels) : codec?.decodeMs(elements, payload.wire)
    const end = arrivalMs + (decodeMs ?? 0)
    this.#use.codecBusy[to] = (this.#use.codecBusy[to] as number) + (decodeMs ?? 0) * this.aliveAt(arrivalMs)
    if (end > arrivalMs)
      this.#spans?.push({ device: this.#id(to), kind: 'decode', startMs: arrivalMs, endMs: end, volume })
    return end
  }

  /** A small message to the initiator: logits or a verdict. */
  answer(from: number, readyMs: number, bytes: number, volume: number): number {
    if (from === 0) return readyMs
    if (this.#room.links[from]?.[0] === undefined) return Number.POSITIVE_INFINITY
    return this.#transmit(from, 0, bytes, readyMs, volume)
  }

  /** The resource with the most work per request: its inverse is the pipeline's throughput. */
  busiest(): { busiestMs: number; bottleneck: string } {
    const { processors, devices } = this.#room
    let busiestMs = 0
    let bottleneck = ''
    const weigh = (ms: number | undefined, name: () => string) => {
      if (ms === undefined || ms <= busiestMs) return
      busiestMs = ms
      bottleneck = name()
    }
    for (const { index, device, backend } of processors) {
      weigh(this.#use.processorBusy[index], () => `${backend} on ${devices[device]?.name}`)
    }
    for (const { index, name } of devices) {
      weigh(this.#use.upBusy[index], () => `the uplink of ${name}`)
      weigh(this.#use.downBusy[index], () => `the downlink of ${name}`)
      weigh(this.#use.codecBusy[index], () => `packing on ${name}`)
    }
    return { busiestMs, bottleneck }
  }

  #encode(from: number, elements: number, readyMs: number, payload: Payload, volume: number): number {
    const use = this.#use
    const codec = this.#room.devices[from]?.codec
    if (payload.kind === 'picture') {
      // One picture is encoded once, however many devices get it.
      const known = this.#pictureMs[0] as number
      if (known >= 0) return Math.max(readyMs, known)
    }
    const ms =
      (payload.kind === 'picture' ? codec?.pictureMs(payload.pixels) : codec?.encodeMs(elements, payload.wire)) ?? 0
    const startMs = Math.max(readyMs, use.codecFree[from] as number)
    const end = occupy(use.codecFree, use.codecBusy, from, readyMs, ms, this.aliveAt(startMs))
    if (payload.kind === 'picture') this.#pictureMs[0] = end
    if (ms > 0) this.#spans?.push({ device: this.#id(from), kind: 'encode', startMs, endMs: end, volume })
    return end
  }

  #transmit(from: number, to: number, bytes: number, readyMs: number, volume: number): number {
    const link = this.#room.links[from]?.[to]
    if (link === undefined) return Number.POSITIVE_INFINITY
    const use = this.#use
    const serialMs = link.serialMs(bytes)
    const startMs = Math.max(readyMs, use.upFree[from] as number)
    const alive = this.aliveAt(startMs)
    const sent = occupy(use.upFree, use.upBusy, from, readyMs, serialMs, alive)
    const received = occupy(use.downFree, use.downBusy, to, startMs, serialMs, alive)
    const endMs = Math.max(sent, received) + link.delayMs(bytes)
    this.bytes += bytes
    this.messages++
    const device = this.#id(from)
    this.#spans?.push({ device, kind: 'transfer', startMs, endMs, volume, bytes, to: this.#id(to) })
    return endMs
  }

  #id(device: number) {
    const found = this.#room.devices[device]
    if (found === undefined) throw new RangeError(`no device ${device}`)
    return found.id
  }
}
