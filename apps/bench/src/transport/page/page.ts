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

/** One measurement: a message there and back, or `count` of them there. */
export interface Step {
  readonly contender: string
  readonly bytes: number
  readonly kind: 'echo' | 'goodput'
  readonly count: number
}

const ends = new Map<string, End>()
const raws = new Map<string, RawPipe>()

function endOf(name: string): End {
  const found = ends.get(name)
  if (found === undefined) throw new Error(`no contender ${name}`)
  return found
}

const isRaw = (name: string) => /^raw-\d+$/.test(name)

/**
 * `roomful` as it is; `roomful-SLICE-HIGH` with slices of one size and another high-water mark (KiB; the low one is half);
 * `roomful-SLICE-HIGH-BURST` with that much of each message in the library's small slices.
 */
function limitsOf(name: string): FlowLimits {
  const [, slice, high, burst = 0] = name.split('-').map((part) => Number(part) * 1024)
  if (slice === undefined || high === undefined) return FLOW_LIMITS
  const marks = {
    highWaterBytes: high,
    fastHighWaterBytes: high,
    lowWaterBytes: high / 2,
    burstBytes: burst,
    shortRttMs: Number.POSITIVE_INFINITY,
  }
  return { ...FLOW_LIMITS, ...marks, longSliceBytes: slice, sliceBytes: burst === 0 ? slice : FLOW_LIMITS.sliceBytes }
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
      install(name, await RoomfulPipe.open(signallingUrl, roomKey, id, other, limitsOf(name)))
    } else if (name === 'peerjs') install(name, await PeerJsPipe.open(peerJsPort, id, other, initiator))
    else {
      const raw = raws.get(name)
      if (raw === undefined) throw new Error(`prepare ${name} first`)
      if (initiator) await raw.offer()
      await raw.opened
      install(name, raw)
    }
  },

  async signal(name: string, value: unknown): Promise<void> {
    await raws.get(name)?.receiveSignal(value)
  },

  /** Runs the steps one after the other from this page; returns the milliseconds of each. */
  async measure(steps: readonly Step[]): Promise<number[]> {
    const took: number[] = []
    for (const step of steps) took.push(await (step.kind === 'echo' ? echo(step) : flood(step)))
    return took
  },

  close(name: string): void {
    ends.get(name)?.pipe.close()
    ends.delete(name)
    raws.delete(name)
  },
}

/** The first byte of every message says what its receiver does with it. */
const MARK = { swallow: 0, echo: 1, last: 2, answer: 3 } as const
/** Bytes of the word that all have come. */
const WORD_BYTES = 8

interface End {
  readonly pipe: Pipe
  /** Takes the next answer's length. */
  answered: (bytes: number) => void
}

function install(name: string, pipe: Pipe): void {
  const end: End = { pipe, answered: () => {} }
  pipe.onMessage = (message) => {
    const mark = message[0]
    if (mark === MARK.answer) end.answered(message.byteLength)
    else if (mark === MARK.last) void pipe.send(filled(WORD_BYTES, MARK.answer))
    else if (mark === MARK.echo) {
      message[0] = MARK.answer
      void pipe.send(message as Uint8Array<ArrayBuffer>)
    }
  }
  ends.set(name, end)
}

/** One message there and back. */
async function echo({ contender, bytes }: Step): Promise<number> {
  const end = endOf(contender)
  const message = filled(bytes, MARK.echo)
  const back = answer(end)
  const startMs = performance.now()
  await end.pipe.send(message)
  const length = await back
  const tookMs = performance.now() - startMs
  if (length !== bytes) throw new Error(`${contender}: ${length} bytes came back of ${bytes}`)
  return tookMs
}

/** From the first of `count` messages to the other page's word that all have come. */
async function flood({ contender, bytes, count }: Step): Promise<number> {
  const end = endOf(contender)
  const message = filled(bytes, MARK.swallow)
  const last = filled(bytes, MARK.last)
  const done = answer(end)
  const startMs = performance.now()
  for (let i = 1; i < count; i++) await end.pipe.send(message)
  await end.pipe.send(last)
  await done
  return performance.now() - startMs
}

function answer(end: End): Promise<number> {
  return new Promise((resolve) => {
    end.answered = resolve
  })
}

function filled(bytes: number, mark: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(bytes)
  for (let i = 1; i < bytes; i++) message[i] = (i * 31) & 255
  message[0] = mark
  return message
}

export type BenchPage = typeof benchPage

Object.assign(globalThis, { benchPage })
