import { type Clock, systemClock, type WireError, type WireFormat } from '@roomful/core'
import { decodeFeature, encodeFeature, type FeatureLimits, type FeatureMap, TensorError } from '@roomful/tensor'
import { EngineError } from '../engine.ts'
import { untilAborted } from '../until-aborted.ts'
import { WorkerCalls } from '../worker/calls.ts'
import { type WorkerPort, workerPort } from '../worker/port.ts'
import type { CodecCalls } from './messages.ts'

export interface CodecOptions {
  readonly signal?: AbortSignal
  /** The input stays with the caller (it is copied to the worker); otherwise its buffer is moved. */
  readonly keep?: boolean
}

/** Feature maps to bytes and back, off the main thread where there is one to spare. */
export interface FeatureCodec extends AsyncDisposable {
  /** @throws TensorError; `signal.reason` when aborted */
  encode(map: FeatureMap, wire: WireFormat, options?: CodecOptions): Promise<Uint8Array>
  /** @throws TensorError; `signal.reason` when aborted */
  decode(bytes: Uint8Array, limits?: FeatureLimits, options?: CodecOptions): Promise<FeatureMap>
}

/** Encodes and decodes in the calling thread: Node, tests, and browsers whose codec worker has died. */
export const inlineCodec: FeatureCodec = {
  encode: (map, wire, { signal } = {}) => encodeFeature(map, wire, signal === undefined ? {} : { signal }),
  decode: (bytes, limits, { signal } = {}) => untilAborted(decodeFeature(bytes, limits), signal),
  async [Symbol.asyncDispose]() {},
}

/**
 * Maps below this many bytes are coded in the calling thread: a trip to the worker and back costs more than it spares
 * (0.1 to 0.3 ms; 64 KB are quantised in about 0.1 ms).
 */
const INLINE_BYTES = 64 * 1024
const TIMEOUT_MS = 30_000

/**
 * One codec worker. When it is lost, what it had at that moment rejects with EngineError `lost` or `timeout`, and all later
 * work is done in the calling thread.
 */
export class WorkerCodec implements FeatureCodec {
  readonly #calls: WorkerCalls<CodecCalls>

  constructor(port: WorkerPort, clock: Clock = systemClock) {
    this.#calls = new WorkerCalls(port, { clock, name: 'the codec worker', toError: tensorErrorFromWire })
  }

  async encode(map: FeatureMap, wire: WireFormat, options: CodecOptions = {}): Promise<Uint8Array> {
    if (map.data.byteLength < INLINE_BYTES && wire.entropy === 'none') return inlineCodec.encode(map, wire, options)
    return this.#off('encode', { map, wire }, options.keep === true ? [] : wholeBuffer(map.data), options.signal, () =>
      inlineCodec.encode(map, wire, options),
    )
  }

  async decode(bytes: Uint8Array, limits: FeatureLimits = {}, options: CodecOptions = {}): Promise<FeatureMap> {
    if (bytes.byteLength < INLINE_BYTES / 4) return inlineCodec.decode(bytes, limits, options)
    return this.#off('decode', { bytes, limits }, options.keep === true ? [] : wholeBuffer(bytes), options.signal, () =>
      inlineCodec.decode(bytes, limits, options),
    )
  }

  async #off<K extends keyof CodecCalls>(
    kind: K,
    body: CodecCalls[K]['request'],
    transfer: readonly ArrayBuffer[],
    signal: AbortSignal | undefined,
    inline: () => Promise<CodecCalls[K]['reply']>,
  ): Promise<CodecCalls[K]['reply']> {
    signal?.throwIfAborted()
    if (this.#calls.ended !== undefined) return inline()
    return untilAborted(this.#calls.call(kind, body, { timeoutMs: TIMEOUT_MS, transfer }), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.end(new EngineError('disposed', 'the codec is disposed'))
  }
}

/** A codec for this environment: a worker in browsers, inline elsewhere. */
export function createFeatureCodec(clock: Clock = systemClock): FeatureCodec {
  if (typeof Worker === 'undefined') return inlineCodec
  const worker = new Worker(new URL('./codec.worker.ts', import.meta.url), { type: 'module', name: 'roomful-codec' })
  return new WorkerCodec(workerPort(worker), clock)
}

function wholeBuffer(view: ArrayBufferView): ArrayBuffer[] {
  const { buffer, byteLength } = view
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0 ? [buffer] : []
}

const REASONS: readonly string[] = [
  'shape',
  'dtype',
  'not-finite',
  'malformed',
  'too-large',
] satisfies TensorError['reason'][]

function tensorErrorFromWire(wire: WireError): Error {
  const reason = REASONS.includes(wire.reason) ? (wire.reason as TensorError['reason']) : 'malformed'
  return new TensorError(reason, wire.message)
}
