import {
  type AnswerSource,
  type DeviceId,
  type ExitName,
  errorText,
  FINAL_EXIT,
  requestId,
  type Span,
  type Trace,
} from '@roomful/core'
import { type FeatureMap, type Verdict, verdictOf } from '@roomful/tensor'
import { RuntimeError } from '../error.ts'
import { firstSharedCut } from '../plan/fallback.ts'
import { RowAssembler } from '../stage/row-assembler.ts'
import type { ResultHeader } from '../wire/request-links.ts'
import { Attempt } from './attempt.ts'
import type { InstalledPlan } from './installer.ts'
import { RecoverySearch } from './recovery-search.ts'
import { traceOf } from './request-trace.ts'
import { checkedLogits, type InferenceResult, type KeptMap } from './result.ts'
import type { RunContext, RunOptions } from './run-options.ts'
import { sendInput } from './send-input.ts'

/** One for all: making it takes a weak device longer than ending the request. */
const OVER = new DOMException('the request has ended', 'AbortError')
/** A late request that may not start a second completion asks again after this, or later. */
const MIN_ASK_AGAIN_MS = 50

/**
 * One request from start to its only end. The first answer of any attempt counts; a failed or late attempt starts another
 * from the deepest feature map that is kept here; at the deadline it ends with an error.
 */
export class RequestRun {
  readonly result: Promise<InferenceResult>
  readonly #c: RunContext
  readonly #o: RunOptions
  readonly #attempts: Attempt[] = []
  readonly #search: RecoverySearch
  readonly #own: Span[]
  #kept: KeptMap | undefined
  #recovered: string | undefined
  #lastError: unknown
  #recovering = false
  /** A second completion was started because half of the time was used up. */
  #wasUrgent = false
  #ended = false
  #settle: { resolve: (result: InferenceResult) => void; reject: (error: unknown) => void }
  readonly #release: () => void

  constructor(context: RunContext, options: RunOptions) {
    this.#c = context
    this.#o = options
    this.#own = [...(options.spans ?? [])]
    this.#kept = options.kept
    const { installed, startMs, deadlineMs } = options
    this.#search = new RecoverySearch({
      clock: context.clock,
      deadlineAtMs: startMs + deadlineMs,
      snapshot: (excluded, lost) => context.snapshot(installed, excluded, lost),
      prepare: (candidate, answered) => context.fallback(installed, candidate, answered),
      completionMs: (candidate) => context.completionMs(installed, candidate),
    })
    this.#settle = { resolve: () => {}, reject: () => {} }
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const leftMs = options.deadlineMs - (context.clock.now() - options.startMs)
    const stopTimer = context.clock.after(Math.max(0, leftMs), () => this.#expire())
    const onAbort = () => this.#fail(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    this.#release = () => {
      stopTimer()
      options.signal?.removeEventListener('abort', onAbort)
    }
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The deepest whole feature map that has passed here. */
  get kept(): KeptMap | undefined {
    return this.#kept
  }

  start(): void {
    const { installed, signal } = this.#o
    if (signal?.aborted) this.#fail(signal.reason)
    else if (this.#c.healthy(installed)) this.#launch(installed)
    else void this.#recover('a device of the plan is not there')
  }

  /** Ends it from outside. */
  abandon(error: unknown): void {
    this.#fail(error)
  }

  /** Whether it is kept: of a plan that is all this device's own only the input is, which nobody else could go on from either. */
  onWhole(volume: number, map: FeatureMap): boolean {
    if (this.#ended || (this.#kept !== undefined && this.#kept.volume >= volume)) return false
    const keeps = volume === 0 || firstSharedCut(this.#o.installed.plan, this.#c.self) !== undefined
    if (keeps) this.#kept = { volume, map }
    const hit = this.#o.atCut?.(volume, map)
    const attempt = this.#attempts.find(({ running }) => running)
    if (hit === undefined || attempt === undefined) return keeps
    const { labelIndex, confidence, exit } = hit
    const verdict = { labelIndex, confidence, probabilities: new Float32Array() }
    this.#finish(attempt, exit, verdict, [], 'own-cache')
    return keeps
  }

  onSpans(attempt: Attempt, from: DeviceId, spans: readonly Span[], originMs?: number): void {
    attempt.stageReported({ device: from, spans, ...this.#origin(originMs) })
  }

  /** @throws RuntimeError `malformed`, `engine`: the stage has failed */
  onResult(
    attempt: Attempt,
    from: DeviceId,
    header: ResultHeader,
    outputs: readonly FeatureMap[],
    originMs?: number,
  ): void {
    if (header.spans.length > 0) {
      const resultMs = this.#sinceStart()
      attempt.stageReported({ device: from, spans: header.spans, resultMs, ...this.#origin(originMs) })
    }
    if (this.#ended || !attempt.running) return
    const logits = checkedLogits(attempt.installed, header, outputs)
    if (header.exit === FINAL_EXIT) this.#final(attempt, header, logits, outputs)
    else this.#exit(attempt, header.exit, logits, outputs)
  }

  onFailed(attempt: Attempt, from: DeviceId, error: unknown): void {
    if (this.#ended || !attempt.running) return
    if (from === this.#c.self) {
      for (const backend of attempt.backendsOf(from)) this.#search.withoutBackend(backend)
    } else this.#search.without(from)
    this.#drop(attempt, error)
    void this.#recover(`${from} failed: ${errorText(error)}`)
  }

  /** A device is gone (`certain`), or silent, or hidden: what may not come is started a second time at once. */
  onDeviceDown(device: DeviceId, why: string, certain: boolean): void {
    if (this.#ended) return
    let hit = false
    for (const attempt of this.#attempts) {
      if (!attempt.running || !attempt.needs(device)) continue
      // A device that has reported may have died with its message on the way: the attempt may still end, or not.
      hit = true
      if (certain && attempt.isOpen(device)) this.#drop(attempt, new RuntimeError('lost', `${device}: ${why}`))
    }
    this.#search.without(device)
    if (hit) void this.#recover(`${device}: ${why}`)
  }

  /** A device may be dead: who waits for it waits no longer than for a late answer. */
  onDeviceDoubted(device: DeviceId): void {
    for (const attempt of this.#attempts) {
      // A device that has reported may have died with its message on the way.
      if (!attempt.running || attempt.late || !attempt.needs(device)) continue
      attempt.stopLateTimer()
      this.#search.without(device)
      this.#late(attempt, true)
    }
  }

  #launch(installed: InstalledPlan): void {
    const { clock } = this.#c
    const kept = this.#kept ?? { volume: 0, map: undefined }
    const id = requestId(`${this.#o.id}.${this.#attempts.length + 1}`)
    const attempt = new Attempt(id, installed, kept.volume, clock.now(), this.#c.isWatched)
    this.#attempts.push(attempt)
    this.#c.opened(attempt, this)
    attempt.stopLateTimer = clock.after(installed.latency.lateAfterMs, () => this.#late(attempt))
    const { links, pictures, self } = this.#c
    const { input, startMs, deadlineMs } = this.#o
    sendInput({
      links,
      pictures,
      self,
      clock,
      attempt,
      input,
      kept: kept.map,
      keepsInput: this.#o.atCut !== undefined || firstSharedCut(installed.plan, self) !== undefined,
      deadlineAtMs: startMs + deadlineMs,
      onTensor: (map) => this.onWhole(0, map),
      onSpan: (span) => this.#own.push({ ...span, startMs: span.startMs - startMs, endMs: span.endMs - startMs }),
    }).catch((error: unknown) => {
      if (this.#ended || !attempt.running) return
      this.#drop(attempt, error)
      if (error instanceof RuntimeError && error.reason === 'bad-input') this.#fail(error)
      else void this.#recover(errorText(error))
    })
    for (const device of attempt.devices) if (this.#c.isDoubted(device)) this.onDeviceDoubted(device)
  }

  #final(attempt: Attempt, header: ResultHeader, logits: FeatureMap, outputs: readonly FeatureMap[]): void {
    const { layout, model } = attempt.installed
    const cut = layout.cuts.at(-1)
    if (header.rows !== undefined && cut !== undefined) {
      attempt.gathering ??= new RowAssembler(cut.dims, undefined, cut.height)
      const whole = attempt.gathering.add(logits, header.rows)
      if (whole !== undefined) this.#answer(attempt, FINAL_EXIT, [whole], model.output.temperature)
      return
    }
    this.#answer(attempt, FINAL_EXIT, outputs, model.output.temperature)
  }

  #exit(attempt: Attempt, name: ExitName, logits: FeatureMap, outputs: readonly FeatureMap[]): void {
    const all = attempt.installed.layout.cuts.flatMap((cut) => cut.exits)
    const known = all.find(({ exit }) => exit.name === name)
    if (known === undefined) return
    // Not `<`: of logits that are no numbers an exit is never sure.
    if (!(verdictOf(logits, known.exit.temperature).confidence >= known.placement.threshold)) return
    attempt.endedBy(name)
    this.#answer(attempt, name, outputs, known.exit.temperature)
  }

  #answer(attempt: Attempt, exit: ExitName, outputs: readonly FeatureMap[], temperature: number): void {
    const [logits] = outputs
    const verdict = logits && verdictOf(logits, temperature)
    if (verdict === undefined || Number.isNaN(verdict.confidence)) {
      throw new RuntimeError('engine', `the logits of ${exit} are no numbers`)
    }
    if (exit === FINAL_EXIT && attempt.startVolume === 0) {
      attempt.installed.latency.add(this.#c.clock.now() - attempt.startMs)
    }
    const [first] = this.#attempts
    if (attempt === first && !attempt.late) this.#c.seconds.inTime(attempt.devices)
    if (attempt !== first && first?.running && this.#wasUrgent) this.#c.stuck(first)
    this.#finish(attempt, exit, verdict, outputs, 'computed')
  }

  #finish(
    attempt: Attempt,
    exit: ExitName,
    verdict: Verdict,
    outputs: readonly FeatureMap[],
    source: AnswerSource,
  ): void {
    const totalMs = this.#sinceStart()
    // The timer of a throttled device may be later than the answer that it was to forestall.
    if (totalMs > this.#o.deadlineMs) {
      this.#expire()
      return
    }
    const anew = () => this.#trace(attempt, exit, source, totalMs)
    const trace = anew()
    const { id: request } = this.#o
    this.#settle.resolve({ request, plan: attempt.installed.planId, ...verdict, exit, outputs, trace })
    this.#end()
    this.#search.answered()
    if (source === 'computed') this.#c.answered(attempt, this, trace, anew)
  }

  #trace(attempt: Attempt, exit: ExitName, source: AnswerSource, totalMs: number): Trace {
    return traceOf({
      request: this.#o.id,
      method: this.#o.installed.plan.method,
      source,
      exit,
      totalMs,
      recovered: this.#recovered,
      attempt,
      attemptMs: attempt.startMs - this.#o.startMs,
      own: this.#own,
      self: this.#c.self,
    })
  }

  /** Asks for a second completion, again and again until it may start one, for as long as the attempt runs. */
  #late(attempt: Attempt, isDoubted = false): void {
    if (this.#ended || !attempt.running) return
    attempt.late = true
    const { clock, seconds } = this.#c
    const leftMs = this.#o.deadlineMs - this.#sinceStart()
    const urgent = leftMs < this.#o.deadlineMs / 2
    const alone = attempt.devices.every((device) => device === this.#c.self)
    // Nobody is asked before as much time has been waited as it would take: at worst that costs twice the better way (ski
    // rental; Karlin et al., Competitive Snoopy Caching, 1988).
    const toWaitMs = urgent || isDoubted ? 0 : this.#search.completionMs - (clock.now() - attempt.startMs)
    const missing = attempt.openDevices.filter((device) => alone || device !== this.#c.self)
    if (toWaitMs > 0 || !seconds.take(this, urgent, missing)) {
      const againMs = Math.max(MIN_ASK_AGAIN_MS, Math.min(attempt.installed.latency.lateAfterMs / 2, leftMs / 8))
      attempt.stopLateTimer = clock.after(toWaitMs > 0 ? Math.max(1, Math.min(toWaitMs, againMs)) : againMs, () =>
        this.#late(attempt),
      )
      return
    }
    this.#wasUrgent ||= urgent
    for (const device of missing) this.#search.without(device)
    void this.#recover(`no answer within ${Math.round(clock.now() - attempt.startMs)} ms`)
  }

  /** Starts another attempt. When none is left and none runs, the request ends with `lost`. */
  async #recover(why: string): Promise<void> {
    if (this.#ended || this.#recovering) return
    this.#recovering = true
    const startMs = this.#sinceStart()
    while (!this.#ended) {
      const ready = await this.#search.next(() => this.#ended)
      if (ready === undefined || this.#ended) {
        // Nobody was found: another late request may be luckier.
        if (this.#attempts.length <= 1) this.#c.seconds.release(this)
        break
      }
      this.#recovered ??= why
      this.#own.push({ device: this.#c.self, kind: 'recover', startMs, endMs: this.#sinceStart() })
      this.#launch(ready)
      if (this.#anyRuns) break
    }
    this.#recovering = false
    if (this.#ended || this.#anyRuns) return
    const cause = this.#lastError ?? this.#search.lastError
    this.#fail(new RuntimeError('lost', `nobody is left to answer: ${why}`, { cause }))
  }

  get #anyRuns(): boolean {
    return this.#attempts.some((attempt) => attempt.running)
  }

  #drop(attempt: Attempt, error: unknown): void {
    this.#lastError = error
    this.#close(attempt, error)
  }

  #close(attempt: Attempt, reason: unknown): void {
    if (!attempt.running) return
    attempt.stop(reason)
    this.#c.closed(attempt)
    for (const device of attempt.openDevices) {
      if (this.#c.links.reachable(device)) this.#c.links.cancel(device, attempt.id)
    }
  }

  #expire(): void {
    const { deadlineMs } = this.#o
    this.#fail(new RuntimeError('deadline', `no answer within ${deadlineMs} ms`, { cause: this.#lastError }))
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    this.#end()
    this.#settle.reject(error)
  }

  #end(): void {
    this.#ended = true
    this.#release()
    this.#c.seconds.release(this)
    for (const attempt of this.#attempts) this.#close(attempt, OVER)
  }

  #sinceStart(): number {
    return this.#c.clock.now() - this.#o.startMs
  }

  #origin(originMs: number | undefined): { originMs?: number } {
    return originMs === undefined ? {} : { originMs: originMs - this.#o.startMs }
  }
}
