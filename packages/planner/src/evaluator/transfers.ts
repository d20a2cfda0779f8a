import type { DeviceId, Span } from '@roomful/core'
import { CPU_BACKENDS } from '../predictor/cpu.ts'
import type { Checkpoint } from './checkpoint.ts'
import { HEAD_BYTES, type MessageLink } from './message-link.ts'
import type { Payload } from './payload.ts'
import { occupy, Resources } from './resources.ts'
import type { Processor, Room } from './room.ts'

/**
 * How long a message waits in the mean at a throttled device that has nothing saved up: those that wait did 18 to 20 ms in traces at 0.15
 * and 0.25 core, and with 20 for each of them ResNet-50's strips were predicted at 1,559 ms and took 1,297. [ours]
 */
const QUOTA_WAIT_MS = 10

/** Books computes and transfers of one request on the room's resources. */
export class Transfers {
  readonly #room: Room
  readonly #use: Resources
  /** `#links[from * devices + to]`. */
  readonly #links: readonly (MessageLink | undefined)[]
  readonly #burst: Float64Array
  /** Per device its processor that is the CPU; -1 where it has none. */
  readonly #cpu: Int32Array
  /** Per processor: whose turns it takes. */
  readonly #turns: Int32Array
  readonly #countsMessages: boolean
  readonly #verdictMs: number[] = []
  readonly #verdictShare: number[] = []
  /**
   * When the picture is encoded; negative before. Fields that come to hold fractions do not begin as integers: engines would
   * compile what reads them twice.
   */
  #pictureMs = Number.NaN
  #spans: Span[] | undefined
  /** `from * devices + to` of a transfer that had no link; negative before. */
  #unlinked = -1
  bytes = Number.NaN
  /** Rows sent as features or pictures, answers excluded. */
  rows = 0

  constructor(room: Room) {
    this.#room = room
    this.#use = new Resources(room.processors.length, room.devices.length)
    this.#links = room.links.flat()
    this.#burst = Float64Array.from(room.devices, ({ codec }) => codec.burst)
    this.#countsMessages = room.devices.some(({ codec }) => codec.countsMessages)
    const isCpu = (processor: number) => CPU_BACKENDS.has(room.processors[processor]?.backend ?? 'ort-webgpu')
    this.#turns = Int32Array.from(room.processors, ({ turns }) => turns)
    this.#cpu = Int32Array.from(room.devices, ({ processors }) => processors.find(isCpu) ?? -1)
  }

  begin(spans: Span[] | undefined): void {
    this.#use.reset()
    this.#verdictMs.length = 0
    this.#verdictShare.length = 0
    this.#pictureMs = -1
    this.#unlinked = -1
    this.#spans = spans
    this.bytes = 0
    this.rows = 0
  }

  save(into: Checkpoint): void {
    into.resources.set(this.#use.all)
    into.pictureMs = this.#pictureMs
    into.bytes = this.bytes
    into.rows = this.rows
    copyInto(into.verdictMs, this.#verdictMs)
    copyInto(into.verdictShare, this.#verdictShare)
  }

  /** Instead of `begin`, without spans. */
  goOn(from: Checkpoint): void {
    this.#use.all.set(from.resources)
    copyInto(this.#verdictMs, from.verdictMs)
    copyInto(this.#verdictShare, from.verdictShare)
    this.#pictureMs = from.pictureMs
    this.#unlinked = -1
    this.#spans = undefined
    this.bytes = from.bytes
    this.rows = from.rows
  }

  /** From `atMs` on, this share of all requests needs nothing any more: work that begins later counts less. */
  addVerdict(atMs: number, share: number): void {
    this.#verdictMs.push(atMs)
    this.#verdictShare.push(share)
  }

  /** One run on a processor; returns its end. */
  compute(processor: number, readyMs: number, ms: number, volume: number, exit?: string): number {
    const use = this.#use
    const turns = this.#turns[processor] as number
    const startMs = Math.max(readyMs, use.processorFree[turns] as number)
    const { compute, device: at } = this.#room.processors[processor] as Processor
    const workMs = ms * this.#alive(startMs)
    let tookMs = ms
    if (compute.burst > 1) {
      tookMs = compute.inBurstsMs(ms, (use.processorBusy[turns] as number) + (use.codecBusy[at] as number))
      use.throttled[at] = 1 - 1 / compute.burst
    }
    const endMs = occupy(use.processorFree, use.processorBusy, turns, readyMs, tookMs, workMs)
    if (this.#spans !== undefined) {
      const device = this.#id(this.#room.processors[processor]?.device ?? 0)
      const kind = exit === undefined ? 'compute' : 'exit'
      this.#spans.push({ device, kind, startMs, endMs, volume, ...(exit === undefined ? {} : { exit }) })
    }
    return endMs
  }

  /** Rows from one device to another: encode, uplink, way, downlink, decode. Infinity when there is no link. */
  send(from: number, to: number, rows: number, readyMs: number, payload: Payload, volume: number): number {
    const way = from * this.#burst.length + to
    if (this.#links[way] === undefined) return this.#refuse(way)
    this.rows += rows
    const packed = payload.kind === 'picture' ? 1 : rows
    const encodedMs = this.#encode(from, packed * (payload.encodeMs[from] as number), readyMs, payload, volume)
    const arrivalMs = this.#transmit(from, to, payload.bytesOf(rows), encodedMs, volume)
    const decodeMs = packed * (payload.decodeMs[to] as number)
    if (decodeMs === 0) return arrivalMs
    const { codecBusy } = this.#use
    codecBusy[to] = (codecBusy[to] as number) + decodeMs * (this.#burst[to] as number) * this.#alive(arrivalMs)
    const endMs = arrivalMs + decodeMs
    this.#spans?.push({ device: this.#id(to), kind: 'decode', startMs: arrivalMs, endMs, volume })
    return endMs
  }

  /** A request begins where it was asked; returns when. */
  ask(): number {
    const codec = this.#room.devices[0]?.codec
    return codec?.countsMessages === true ? this.#page(0, 0, codec.askMs, codec.askWorkMs) : 0
  }

  /** A small message to the initiator: logits or a verdict. */
  answer(from: number, readyMs: number, bytes: number, volume: number): number {
    if (from === 0) return readyMs
    return this.#transmit(from, 0, bytes, readyMs, volume)
  }

  /** Until when a processor is busy. */
  freeMs(processor: number): number {
    return this.#use.processorFree[this.#turns[processor] ?? 0] ?? 0
  }

  /** Whether something would have had to be sent where there is no link. */
  get isUnlinked(): boolean {
    return this.#unlinked >= 0
  }

  /** Why a request never ends: a sentence with the two devices that are not linked. */
  whyNever(): string {
    const { devices } = this.#room
    const from = devices[Math.floor(this.#unlinked / devices.length)]
    const to = devices[this.#unlinked % devices.length]
    if (from === undefined || to === undefined) return 'two of its devices are not linked'
    return `${from.name} and ${to.name} are not linked`
  }

  #refuse(way: number): number {
    if (this.#unlinked < 0) this.#unlinked = way
    return Number.POSITIVE_INFINITY
  }

  /** The work per request of the busiest resource: its inverse is the pipeline's throughput. */
  busiestMs(): number {
    const { processorBusy, upBusy, downBusy, codecBusy } = this.#use
    let busiest = 0
    for (let i = 0; i < processorBusy.length; i++) busiest = Math.max(busiest, processorBusy[i] as number)
    for (let i = 0; i < upBusy.length; i++) {
      busiest = Math.max(busiest, upBusy[i] as number, downBusy[i] as number, codecBusy[i] as number)
    }
    return busiest
  }

  /** The norm of order 4 of the work per request of all resources: hardly more than the busiest one's where that is alone. */
  busyMs(): number {
    const { processorBusy, upBusy, downBusy, codecBusy } = this.#use
    let sum = 0
    for (let i = 0; i < processorBusy.length; i++) sum += (processorBusy[i] as number) ** 4
    for (let i = 0; i < upBusy.length; i++) {
      sum += (upBusy[i] as number) ** 4 + (downBusy[i] as number) ** 4 + (codecBusy[i] as number) ** 4
    }
    return sum ** 0.25
  }

  /**
   * Work per request of the busiest CPU of those whose messages count, ms: who asks again as soon as it is answered waits that
   * long in the mean, however fast a single answer comes after a pause.
   */
  busiestCpuMs(): number {
    if (!this.#countsMessages) return 0
    const { processorBusy, codecBusy } = this.#use
    let busiest = 0
    for (const { index, codec } of this.#room.devices) {
      const cpu = this.#cpu[index] as number
      const ms = (codecBusy[index] as number) + (cpu >= 0 ? (processorBusy[cpu] as number) : 0)
      if (codec.countsMessages && ms > busiest) busiest = ms
    }
    return busiest
  }

  /** Work per request of the throttled processors that compute, messages included, less what it takes in bursts, ms. */
  throttledMs(): number {
    const { throttled, processorBusy, codecBusy } = this.#use
    let sum = 0
    for (let i = 0; i < throttled.length; i++) {
      const share = throttled[i] as number
      const cpu = this.#cpu[i] as number
      if (share > 0 && cpu >= 0) sum += share * ((processorBusy[cpu] as number) + (codecBusy[i] as number))
    }
    return sum
  }

  /**
   * Work per request of everything that can be busy, ms: per device its CPU (every CPU backend and the packing take turns
   * on it), uplink and downlink, then every processor that is not a CPU.
   */
  loads(): number[] {
    const { processorBusy, upBusy, downBusy, codecBusy } = this.#use
    const cpu = Array.from(codecBusy)
    const others: number[] = []
    for (const { index, device, backend } of this.#room.processors) {
      const busy = processorBusy[index] as number
      if (CPU_BACKENDS.has(backend)) cpu[device] = (cpu[device] as number) + busy
      else others.push(busy)
    }
    return [...cpu, ...upBusy, ...downBusy, ...others]
  }

  /** That resource's name, for people. */
  bottleneck(): string {
    const use = this.#use
    const busiest = this.busiestMs()
    for (const { index, device, backend } of this.#room.processors) {
      if (use.processorBusy[index] === busiest) return `${backend} on ${this.#room.devices[device]?.name}`
    }
    for (const { index, name } of this.#room.devices) {
      if (use.upBusy[index] === busiest) return `the uplink of ${name}`
      if (use.downBusy[index] === busiest) return `the downlink of ${name}`
    }
    const packing = this.#room.devices.find(({ index }) => use.codecBusy[index] === busiest)
    return `packing on ${packing?.name}`
  }

  #encode(from: number, ms: number, readyMs: number, payload: Payload, volume: number): number {
    const use = this.#use
    const picture = payload.kind === 'picture'
    // One picture is encoded once, however many devices get it.
    if (picture && this.#pictureMs >= 0) return Math.max(readyMs, this.#pictureMs)
    if (ms === 0) return readyMs
    const startMs = Math.max(readyMs, use.codecFree[from] as number)
    const workMs = ms * (this.#burst[from] as number) * this.#alive(startMs)
    const endMs = occupy(use.codecFree, use.codecBusy, from, readyMs, ms, workMs)
    if (picture) this.#pictureMs = endMs
    this.#spans?.push({ device: this.#id(from), kind: 'encode', startMs, endMs, volume })
    return endMs
  }

  #transmit(from: number, to: number, bytes: number, readyMs: number, volume: number): number {
    const way = from * this.#burst.length + to
    const link = this.#links[way]
    if (link === undefined) return this.#refuse(way)
    const { upFree, upBusy, downFree, downBusy, sentMs } = this.#use
    const serialMs = link.serialMs(bytes)
    const leavesMs = this.#countsMessages ? this.#handle(from, readyMs, bytes) : readyMs
    // `occupy` for both ends, written out: searches do this more often than anything else.
    const upMs = upFree[from] as number
    const startMs = Math.max(leavesMs, upMs)
    const busyMs = serialMs * this.#alive(startMs)
    const sent = startMs + serialMs
    upFree[from] = sent
    upBusy[from] = (upBusy[from] as number) + busyMs
    const downMs = downFree[to] as number
    const received = Math.max(startMs, downMs) + serialMs
    downFree[to] = received
    downBusy[to] = (downBusy[to] as number) + busyMs
    // A way that was busy within the last round trip has kept its congestion window.
    const warm = readyMs - (sentMs[way] as number) <= link.rttMs
    sentMs[way] = sent
    const arrivedMs = Math.max(sent, received) + (warm ? link.rttMs / 2 : link.delayMs(bytes))
    const endMs = this.#countsMessages ? this.#handle(to, arrivedMs, bytes) : arrivedMs
    this.bytes += bytes + HEAD_BYTES
    this.#spans?.push({ device: this.#id(from), kind: 'transfer', startMs, endMs, volume, bytes, to: this.#id(to) })
    return endMs
  }

  /**
   * What one message costs the device at one end of it, beside its packing. It is the CPU's time: where the network runs on
   * the CPU too, the one waits for the other.
   */
  #handle(device: number, readyMs: number, bytes: number): number {
    const codec = this.#room.devices[device]?.codec
    if (codec?.countsMessages !== true) return readyMs
    const ms = this.#messageMs(device, codec.messageMs(bytes))
    return this.#page(device, readyMs, ms, codec.messageWorkMs(bytes) * this.#alive(readyMs))
  }

  /**
   * Messages take `burstMs` in bursts. A throttled processor that computes spends these on that: after them, messages are handled at the speed
   * that it sustains, and wait for the next share of its quota.
   */
  #messageMs(device: number, burstMs: number): number {
    const use = this.#use
    const cpu = this.#cpu[device] as number
    if (use.throttled[device] === 0 || cpu < 0) return burstMs
    const { compute } = this.#room.processors[cpu] as Processor
    const usedMs = (use.processorBusy[cpu] as number) + (use.codecBusy[device] as number)
    const ms = compute.inBurstsMs(burstMs * (this.#burst[device] as number), usedMs)
    return compute.isSpent(usedMs) ? ms + QUOTA_WAIT_MS : ms
  }

  /** Work of a device's page. */
  #page(device: number, readyMs: number, ms: number, workMs: number): number {
    const use = this.#use
    const cpu = this.#cpu[device] as number
    if (cpu >= 0) return occupy(use.processorFree, use.processorBusy, cpu, readyMs, ms, workMs)
    use.codecBusy[device] = (use.codecBusy[device] as number) + workMs
    return readyMs + ms
  }

  /** Probability that a request has not been answered at a time. */
  #alive(ms: number): number {
    if (this.#verdictMs.length === 0) return 1
    let share = 1
    for (let i = 0; i < this.#verdictMs.length; i++) {
      if ((this.#verdictMs[i] as number) <= ms) share -= this.#verdictShare[i] as number
    }
    return Math.max(0, share)
  }

  #id(device: number): DeviceId {
    const found = this.#room.devices[device]
    if (found === undefined) throw new RangeError(`no device ${device}`)
    return found.id
  }
}

function copyInto(into: number[], from: readonly number[]): void {
  into.length = from.length
  for (let i = 0; i < from.length; i++) into[i] = from[i] as number
}
