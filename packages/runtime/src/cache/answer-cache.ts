import { type AnswerValue, CacheError, CacheKeys, type Hash, type Hit, type RoomCache } from '@roomful/cache'
import {
  type Clock,
  type DeviceId,
  FINAL_EXIT,
  type RequestId,
  type Span,
  type WireFormat,
  withDeadline,
} from '@roomful/core'
import {
  bytesOf,
  digestInput,
  elementCount,
  encodedBytes,
  type FeatureMap,
  pixelBytes,
  sha256Hex,
} from '@roomful/tensor'
import type { InstalledPlan } from '../coordinator/installer.ts'
import type { InputPixels, RequestInput } from '../coordinator/request-input.ts'
import type { InferenceResult, KeptMap } from '../coordinator/result.ts'
import { firstSharedCut } from '../plan/fallback.ts'
import type { FeatureCodec } from '../wire/feature-codec.ts'

/** Time that an ask for an answer is reckoned with, in bytes. */
const ANSWER_BYTES = 500

export interface AnswerCacheOptions {
  readonly cache: RoomCache
  readonly codec: FeatureCodec
  /** The map's bytes in that wire format, where it has been sent in it already. */
  readonly encodedOf?: (map: FeatureMap, wire: WireFormat) => Uint8Array | undefined
  readonly clock: Clock
  readonly self: DeviceId
  /** In place of SHA-256, where time is simulated. */
  readonly hash?: Hash
}

/** What was found for one input. */
export interface Lookup {
  readonly inputDigest: string
  readonly key: string
  /** An answer that the plan may give, to be used unless `verify`. */
  readonly hit?: Hit & { readonly value: AnswerValue }
  /** The deepest cut of the plan whose feature map is known. */
  readonly resume?: KeptMap
  /** Preprocessing and looking, in milliseconds since it began. */
  readonly spans: readonly Span[]
}

export interface LookOptions {
  /** Looking takes at most half of it; what has not been found then is a miss. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
}

/** The cache as requests use it: exact answers, else the deepest cut from which the rest can be computed. */
export class AnswerCache {
  readonly #o: AnswerCacheOptions
  readonly #keys: CacheKeys

  constructor(options: AnswerCacheOptions) {
    this.#o = options
    this.#keys = new CacheKeys(options.hash)
  }

  /**
   * Undefined when the input has no digest here (no WebCrypto) or looking took too long.
   * @throws RuntimeError `bad-input`; `signal.reason`
   */
  async look(installed: InstalledPlan, input: RequestInput, options: LookOptions): Promise<Lookup | undefined> {
    const { clock, self } = this.#o
    const { deadlineMs, signal } = options
    const startMs = clock.now()
    // Of a picture its pixels say which it is: an input that is sent to others as a picture is never made a tensor here.
    const source = input.pixels() ?? input.tensor()
    const readyMs = clock.now() - startMs
    try {
      const onTimeout = () => new CacheError('unavailable', 'looking into the cache took too long')
      const found = await withDeadline(this.#look(installed, source, signal), {
        clock,
        timeoutMs: deadlineMs / 2,
        signal,
        onTimeout,
      })
      const spans: Span[] = [{ device: self, kind: 'cache', startMs: readyMs, endMs: clock.now() - startMs }]
      if (input.isPicture) spans.unshift({ device: self, kind: 'preprocess', startMs: 0, endMs: readyMs })
      return { ...found, spans }
    } catch {
      signal?.throwIfAborted()
      return undefined
    }
  }

  async #look(
    installed: InstalledPlan,
    input: FeatureMap | InputPixels,
    signal?: AbortSignal,
  ): Promise<Omit<Lookup, 'spans'>> {
    const { plan, model } = installed
    const inputDigest = await digest(input, installed, this.#o.hash)
    const key = await this.#keys.answer(plan.model, plan.trunk, inputDigest)
    const abort = signal === undefined ? {} : { signal }
    const found = await this.#o.cache.lookup(key, {
      model: plan.model,
      kind: 'answer',
      computeMs: plan.predicted.fullMs,
      bytes: ANSWER_BYTES,
      ...abort,
    })
    signal?.throwIfAborted()
    const classes = elementCount(model.shape(model.output.tensor) ?? [])
    if (found?.value.kind === 'answer' && found.value.labelIndex < classes && mayAnswer(installed, found.value)) {
      return { inputDigest, key, hit: { ...found, value: found.value } }
    }
    const resume = await this.#deepestCut(installed, inputDigest, signal)
    return { inputDigest, key, ...(resume === undefined ? {} : { resume }) }
  }

  /** The result that a hit gives; it carries no probabilities and no outputs. */
  resultOf(lookup: Lookup, installed: InstalledPlan, request: RequestId, startMs: number): InferenceResult | undefined {
    const { hit } = lookup
    if (hit === undefined || hit.verify) return undefined
    const { labelIndex, confidence, exit } = hit.value
    const totalMs = this.#o.clock.now() - startMs
    const { method } = installed.plan
    return {
      request,
      plan: installed.planId,
      labelIndex,
      confidence,
      exit,
      probabilities: new Float32Array(),
      outputs: [],
      trace: { request, method, source: hit.source, exit, totalMs, spans: lookup.spans },
    }
  }

  /** Keeps an answer and the feature map at the cut; settles a verification. Never rejects. */
  async keep(lookup: Lookup, installed: InstalledPlan, result: InferenceResult, kept?: KeptMap): Promise<void> {
    const { cache, codec } = this.#o
    const { plan, model } = installed
    const { labelIndex, confidence, exit, trace } = result
    const { hit, key } = lookup
    if (hit?.verify === true) {
      // Devices differ in the last bits: only a sure answer can convict.
      const sure = Math.min(hit.value.confidence, confidence) >= 0.5
      await cache.confirm(key, hit, !sure || hit.value.labelIndex === labelIndex)
    }
    const savedMs = trace.totalMs
    await cache.put(key, { kind: 'answer', labelIndex, confidence, exit }, { model: plan.model, savedMs })
    const cut = kept === undefined ? undefined : cutOf(installed, kept.volume)
    if (kept === undefined || cut === undefined) return
    // The room may ask for what is kept: only what the plan sends to others anyway is.
    const shared = firstSharedCut(plan, this.#o.self)
    if (shared === undefined || kept.volume < shared) return
    const share = model.macs > 0 ? cut.macsBefore / model.macs : 0
    const wire = plan.volumes[kept.volume - 1]?.wire
    if (wire === undefined) return
    try {
      const bytes = this.#o.encodedOf?.(kept.map, wire) ?? (await codec.encode(kept.map, wire, { keep: true }))
      const name = await this.#keys.feature(cut.prefixDigest, lookup.inputDigest, cut.form)
      const value = { kind: 'feature' as const, tensor: cut.tensor, bytes }
      await cache.put(name, value, { model: plan.model, savedMs: savedMs * share })
    } catch {
      // A map that cannot be encoded is not kept.
    }
  }

  async #deepestCut(installed: InstalledPlan, inputDigest: string, signal?: AbortSignal): Promise<KeptMap | undefined> {
    const { plan, model, layout } = installed
    for (let volume = layout.shards.length - 1; volume >= 1; volume--) {
      const cut = cutOf(installed, volume)
      const here = layout.cuts[volume]
      if (cut === undefined || here === undefined) continue
      const computeMs = plan.predicted.fullMs * (cut.macsBefore / Math.max(1, model.macs))
      const bytes = encodedBytes(here.dtype, here.dims, plan.volumes[volume - 1]?.wire.bits ?? 8)
      const key = await this.#keys.feature(cut.prefixDigest, inputDigest, cut.form)
      const found = await this.#o.cache.lookup(key, {
        model: plan.model,
        kind: 'feature',
        computeMs,
        bytes,
        ...(signal === undefined ? {} : { signal }),
      })
      if (found?.value.kind !== 'feature' || found.verify) continue
      const map = await this.#decode(found.value.bytes, here.dims)
      if (map !== undefined) return { volume, map }
    }
    return undefined
  }

  async #decode(bytes: Uint8Array, dims: readonly number[]): Promise<FeatureMap | undefined> {
    try {
      const map = await this.#o.codec.decode(bytes, { maxElements: elementCount(dims) }, { keep: true })
      const fits = map.dims.length === dims.length && map.dims.every((dim, axis) => dim === dims[axis])
      return fits ? map : undefined
    } catch {
      return undefined
    }
  }
}

/** An early exit's answer counts where the plan has that exit and would be satisfied with its confidence. */
function mayAnswer({ plan }: InstalledPlan, { exit, confidence }: AnswerValue): boolean {
  if (exit === FINAL_EXIT) return true
  return plan.exits.some((placed) => placed.exit === exit && confidence >= placed.threshold)
}

/** A cut's place in the model; `form`: the precision and bottleneck in which its map is kept. */
function cutOf({ plan, model, layout }: InstalledPlan, volume: number) {
  const tensor = layout.cuts[volume]?.tensor
  const wire = plan.volumes[volume - 1]?.wire
  const point = model.points.find((other) => other.tensor === tensor)
  if (point?.prefixDigest === undefined || wire === undefined || volume === 0) return undefined
  const { macsBefore, prefixDigest } = point
  return { tensor: point.tensor, macsBefore, prefixDigest, form: `${wire.bits} ${wire.bottleneck ?? ''}` }
}

function digest(input: FeatureMap | InputPixels, { model }: InstalledPlan, hash?: Hash): Promise<string> {
  if ('rgb' in input) return (hash ?? sha256Hex)(pixelBytes(input.rgb, input.spec))
  const { spec } = model.input
  if (hash === undefined && spec !== undefined && input.dtype === 'float32') return digestInput(input, spec)
  const dims = Uint32Array.from(input.dims)
  const out = new Uint8Array(dims.byteLength + input.data.byteLength)
  out.set(bytesOf(dims))
  out.set(bytesOf(input.data), dims.byteLength)
  return (hash ?? sha256Hex)(out)
}
