import { type Clock, errorText, ReasonedError, sleep } from '@roomful/core'
import { type InferenceResult, type Runtime, RuntimeError } from '@roomful/runtime'
import { checkedPicture } from './picture/check-picture.ts'
import type { RecentPictures } from './picture/recent-pictures.ts'
import type { PlanningDesk } from './plan/planning-desk.ts'
import { left } from './refusals.ts'
import { type FrameOptions, type InferOptions, type Picture, RoomfulError } from './session.ts'
import type { RequestView } from './snapshot.ts'
import { answerView } from './view/answer.ts'
import { statsWith, withRequest } from './view/stats.ts'
import type { SnapshotStore } from './view/store.ts'

const DEFAULT_DEADLINE_MS = 10_000
/** A stream waits this long for the room's first plan: a download and a benchmark may come before it. */
const STREAM_READY_MS = 60_000

export interface AskingOptions {
  readonly runtime: Runtime
  readonly desk: PlanningDesk
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly pictures: RecentPictures
  readonly onAnswered: (request: RequestView) => void
}

/** This device's own questions to the room, and the account of their answers. */
export class Asking {
  readonly #o: AskingOptions
  readonly #left = new AbortController()
  #inFlight = 0
  #lastEndMs = Number.NEGATIVE_INFINITY

  constructor(options: AskingOptions) {
    this.#o = options
  }

  get busy(): boolean {
    return this.#inFlight > 0
  }

  /**
   * What is refused before it is asked (no picture, no such deadline, no model) is no failed request.
   * @throws RoomfulError, RuntimeError, `signal.reason`
   */
  async infer(picture: Picture, options: InferOptions = {}): Promise<RequestView> {
    const { clock, runtime } = this.#o
    const deadlineMs = deadlineOf(options)
    checkedPicture(picture)
    const signal = this.#signal(options.signal)
    const startMs = clock.now()
    this.#inFlight++
    try {
      await this.#ready(deadlineMs, signal)
      const left = deadlineMs - (clock.now() - startMs)
      const result = await runtime.infer(
        { picture },
        { signal, deadlineMs: Math.max(1, left), cache: options.cache ?? true },
      )
      this.#keep(picture)
      return this.#answered(result, options)
    } catch (error) {
      if (!signal.aborted && !isRefusal(error)) this.#failed()
      throw error
    } finally {
      this.#inFlight--
      this.#lastEndMs = clock.now()
    }
  }

  async *stream(
    frames: AsyncIterable<Picture>,
    options: FrameOptions = {},
  ): AsyncGenerator<RequestView, void, undefined> {
    const { runtime, store } = this.#o
    const deadlineMs = deadlineOf(options)
    const signal = this.#signal(options.signal)
    await this.#ready(STREAM_READY_MS, signal)
    this.#inFlight++
    try {
      const { window, frames: which = 'latest', cache = false } = options
      const wanted = { signal, deadlineMs, frames: which, cache, ...(window === undefined ? {} : { window }) }
      for await (const end of runtime.stream(this.#inputsOf(frames), wanted)) {
        if (end.ok) {
          yield this.#answered(end.result, options)
        } else if (!signal.aborted) {
          if (!isRefusal(end.error)) this.#failed()
          store.say('warning', errorText(end.error))
        }
      }
    } finally {
      this.#inFlight--
      this.#lastEndMs = this.#o.clock.now()
    }
  }

  /** Resolves once nothing has been asked for `quietMs`. */
  async idle(quietMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#o
    while (this.busy || clock.now() - this.#lastEndMs < quietMs) await sleep(clock, quietMs / 2, signal)
  }

  close(): void {
    this.#left.abort(left())
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#left.signal : AbortSignal.any([signal, this.#left.signal])
  }

  async #ready(withinMs: number, signal: AbortSignal): Promise<void> {
    const { desk, clock } = this.#o
    desk.asked()
    // Most requests find a plan: nothing is set up to wait for one.
    if (desk.hasPlan) return
    const late = new AbortController()
    const cancel = clock.after(withinMs, () => late.abort())
    try {
      await desk.ready(AbortSignal.any([signal, late.signal]))
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ReasonedError) throw error
      throw new RoomfulError('deadline', 'the room had no plan ready before the deadline')
    } finally {
      cancel()
    }
  }

  #answered(result: InferenceResult, options: InferOptions): RequestView {
    const { store, desk } = this.#o
    const answer = answerView(result, desk.labelsOf(result.plan))
    const request: RequestView = {
      trace: result.trace,
      plan: result.plan,
      endedAt: Date.now(),
      ...((options.claimLabel ?? true) ? { answer } : {}),
    }
    const requests = withRequest(store.snapshot.requests, request)
    store.update({ requests, stats: statsWith(store.snapshot.stats, request, requests) })
    this.#o.onAnswered(request)
    return request
  }

  #failed(): void {
    const { store } = this.#o
    store.update({ stats: { ...store.snapshot.stats, failed: store.snapshot.stats.failed + 1 } })
  }

  async *#inputsOf(frames: AsyncIterable<Picture>) {
    for await (const frame of frames) {
      let picture: Picture
      try {
        picture = checkedPicture(frame)
      } catch (error) {
        // A camera that is just starting gives frames without pixels: the next ones have them.
        this.#o.store.say('warning', errorText(error))
        continue
      }
      this.#keep(picture)
      yield { picture }
    }
  }

  #keep(picture: Picture): void {
    const { desk, pictures } = this.#o
    if (desk.model !== undefined) pictures.keep(picture, desk.model.pack.manifest.input, () => desk.devices)
  }
}

/** @throws RoomfulError `deadline` */
function deadlineOf({ deadlineMs = DEFAULT_DEADLINE_MS }: InferOptions): number {
  if (!(deadlineMs >= 1)) throw new RoomfulError('deadline', 'deadlineMs must be at least 1')
  return deadlineMs
}

/** Whether nobody was asked: there is no model, or it does not take what was given. */
function isRefusal(error: unknown): boolean {
  if (error instanceof RoomfulError) return error.reason === 'no-model'
  return error instanceof RuntimeError && error.reason === 'bad-input'
}
