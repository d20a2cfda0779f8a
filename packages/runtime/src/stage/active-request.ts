import type { Clock, DeviceId, ExitName, RequestId, Span } from '@roomful/core'
import type { RequestAddress } from '../wire/request-links.ts'
import type { JobOwner } from './fair-queue.ts'
import type { PreparedPlan } from './prepared-plan.ts'
import { RowAssembler } from './row-assembler.ts'

/** What has been done for one stage so far. */
export interface StageSpans {
  /** When the first part of its input came; its spans count from here. */
  readonly originMs: number
  readonly spans: Span[]
}

/** One stage's input on its way. */
export interface Collecting extends StageSpans {
  readonly assembler: RowAssembler
}

export type ShardTarget = { readonly kind: 'shard'; readonly volume: number; readonly shard: number }
export type Target =
  | ShardTarget
  | { readonly kind: 'exit'; readonly volume: number; readonly exit: ExitName }
  | { readonly kind: 'relay'; readonly volume: number }

/** One request as one device sees it, from its first feature map to its last stage here, or to its end. */
export class ActiveRequest {
  readonly address: RequestAddress
  readonly plan: PreparedPlan
  /** How many came to this device before it. */
  readonly before: number
  readonly #controller = new AbortController()
  readonly #collecting = new Map<string, Collecting>()
  readonly #cancelTimer: () => void
  readonly #atEnd: (() => void)[] = []
  /** Decodes and stages in progress. */
  #running = 0

  constructor(address: RequestAddress, plan: PreparedPlan, before: number, clock: Clock, onDeadline: () => void) {
    this.address = address
    this.plan = plan
    this.before = before
    this.#cancelTimer = clock.after(Math.max(0, address.deadlineAtMs - clock.now()), onDeadline)
  }

  get id(): RequestId {
    return this.address.requestId
  }

  /** Whose turn its stages take. */
  get by(): JobOwner {
    return { owner: this.address.initiator, request: this.before }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Nothing runs and nothing is awaited: the request can be forgotten here. */
  get idle(): boolean {
    return this.#running === 0 && this.#collecting.size === 0
  }

  get bufferedBytes(): number {
    let bytes = 0
    for (const { assembler } of this.#collecting.values()) bytes += assembler.bytes
    return bytes
  }

  begin(): void {
    this.#running++
  }

  done(): void {
    this.#running--
  }

  collecting(target: Target, nowMs: number): Collecting {
    const key = targetKey(target)
    const known = this.#collecting.get(key)
    if (known !== undefined) return known
    const fresh = { assembler: this.#assembler(target), originMs: nowMs, spans: [] }
    this.#collecting.set(key, fresh)
    return fresh
  }

  complete(target: Target): void {
    this.#collecting.delete(targetKey(target))
  }

  /** It is no longer waited for. */
  stopTimer(): void {
    this.#cancelTimer()
  }

  /** Called when the request is forgotten here, whether done or ended. */
  atEnd(release: () => void): void {
    this.#atEnd.push(release)
  }

  release(): void {
    for (const release of this.#atEnd.splice(0)) release()
  }

  /** Ends it here: what runs stops at its next segment end, what waits is dropped. */
  end(reason: unknown): void {
    this.#cancelTimer()
    this.#collecting.clear()
    this.#controller.abort(reason)
  }

  #assembler(target: Target): RowAssembler {
    const { layout } = this.plan
    const cut = layout.cuts[target.volume]
    const wanted = target.kind === 'shard' ? layout.shards[target.volume]?.[target.shard]?.inputRows : undefined
    return new RowAssembler(cut?.dims ?? [], wanted, cut?.height)
  }
}

function targetKey(target: Target): string {
  switch (target.kind) {
    case 'shard':
      return `s${target.volume}/${target.shard}`
    case 'exit':
      return `e${target.exit}`
    case 'relay':
      return `r${target.volume}`
  }
}

/** Span times from the moment the stage's first input came: this device's clock means nothing elsewhere. */
export function relativeSpans({ spans, originMs }: StageSpans): Span[] {
  return spans.map((span) => ({ ...span, startMs: span.startMs - originMs, endMs: span.endMs - originMs }))
}

export function stageSpan(device: DeviceId, kind: Span['kind'], startMs: number, endMs: number, volume: number): Span {
  return { device, kind, startMs, endMs, volume }
}
