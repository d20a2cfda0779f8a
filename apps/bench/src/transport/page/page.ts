import { FLOW_LIMITS, type FlowLimits } from '@roomful/transport'
import { PeerJsPipe } from './peerjs.ts'
import type { Pipe } from './pipe.ts'
import { RawPipe } from './raw.ts'
import { RoomfulPipe } from './roomful.ts'

/** Provided by the driver: carries a signal of the raw contenders to the other page. */
declare global {
  var toOtherPage: ((name: string, value: unknown) => Promise<void>) | undefined
}

export interface OpenOptions {
  readonly initiator: boolean
  readonly signallingUrl: string
  readonly roomKey: readonly number[]
  readonly peerJsPort: number
}

const pipes = new Map<string, Pipe>()
const raws = new Map<string, RawPipe>()

function pipe(name: string): Pipe {
  const found = pipes.get(name)
  if (found === undefined) throw new Error(`no contender ${name}`)
  return found
}

const isRaw = (name: string) => /^raw-\d+$/.test(name)

/** `roomful` as it is, `roomful-SLICE-HIGH` with another slice size and high-water mark (KiB; the low one is half). */
function limitsOf(name: string): FlowLimits {
  const [, slice, high] = name.split('-').map((part) => Number(part) * 1024)
  if (slice === undefined || high === undefined) return FLOW_LIMITS
  return { ...FLOW_LIMITS, sliceBytes: slice, highWaterBytes: high, lowWaterBytes: high / 2 }
}

const benchPage = {
  /** Both pages prepare their end before the first signal is sent. */
  prepare(name: string): void {
    if (!isRaw(name)) return
    raws.set(name, new RawPipe(Number(name.slice(4)) << 10, (value) => void globalThis.toOtherPage?.(name, value)))
  },

  async open(name: string, options: OpenOptions): Promise<void> {
    const { initiator, signallingUrl, roomKey, peerJsPort } = options
    const [id, other] = initiator ? ['bench-a', 'bench-b'] : ['bench-b', 'bench-a']
    if (name.startsWith('roomful')) {
      pipes.set(name, await RoomfulPipe.open(signallingUrl, roomKey, id, other, limitsOf(name)))
    } else if (name === 'peerjs') pipes.set(name, await PeerJsPipe.open(peerJsPort, id, other, initiator))
    else {
      const raw = raws.get(name)
      if (raw === undefined) throw new Error(`prepare ${name} first`)
      if (initiator) await raw.offer()
      await raw.opened
      pipes.set(name, raw)
    }
  },

  async signal(name: string, value: unknown): Promise<void> {
    await raws.get(name)?.receiveSignal(value)
  },

  /** Sends every message back. */
  echo(name: string): void {
    const end = pipe(name)
    end.onMessage = (message) => void end.send(message as Uint8Array<ArrayBuffer>)
  },

  /** Swallows `count` messages, then says so with a short one. */
  sink(name: string, count: number): void {
    const end = pipe(name)
    let left = count
    end.onMessage = () => {
      left--
      if (left === 0) void end.send(new Uint8Array(8))
    }
  },

  /** Milliseconds of each of `count` round trips of a message of `bytes`, the other page echoing. */
  async measureEcho(name: string, bytes: number, count: number): Promise<number[]> {
    const end = pipe(name)
    const message = filled(bytes)
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const back = next(end)
      const startMs = performance.now()
      await end.send(message)
      const length = await back
      times.push(performance.now() - startMs)
      if (length !== bytes) throw new Error(`${name}: ${length} bytes came back of ${bytes}`)
    }
    return times
  },

  /** Milliseconds from the first of `count` messages to the other page's word that all have come. */
  async measureGoodput(name: string, bytes: number, count: number): Promise<number> {
    const end = pipe(name)
    const message = filled(bytes)
    const done = next(end)
    const startMs = performance.now()
    for (let i = 0; i < count; i++) await end.send(message)
    await done
    return performance.now() - startMs
  },

  close(name: string): void {
    pipes.get(name)?.close()
    pipes.delete(name)
    raws.delete(name)
  },
}

function next(end: Pipe): Promise<number> {
  return new Promise((resolve) => {
    end.onMessage = (message) => resolve(message.byteLength)
  })
}

function filled(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes).map((_, i) => (i * 31) & 255)
}

export type BenchPage = typeof benchPage

Object.assign(globalThis, { benchPage })
