import { type Clock, type WireError, withDeadline } from '@roomful/core'
import { EngineError } from '../engine.ts'
import type { WorkerPort } from './port.ts'

/** Questions to a worker: kind -> body of the request and reply, and of what is told before the reply. */
export type CallMap = Record<string, { readonly request: object; readonly reply: unknown; readonly progress?: unknown }>

/** Replies are matched by id, never by order. */
export interface CallMessage<C extends CallMap, K extends keyof C = keyof C> {
  readonly id: number
  readonly kind: K
  readonly body: C[K]['request']
}

export type CallReply =
  | { readonly id: number; readonly ok: true; readonly reply: unknown }
  | { readonly id: number; readonly ok: false; readonly error: WireError }
  | { readonly id: number; readonly progress: unknown }
  | { readonly lost: WireError }

interface Waiting {
  progress(part: unknown): void
  resolve(reply: unknown): void
  reject(error: Error): void
}

export interface WorkerCallsOptions {
  readonly clock: Clock
  /** For messages: 'the engine's worker'. */
  readonly name: string
  /** The package's own error out of the worker's. */
  readonly toError: (wire: WireError) => Error
}

/**
 * Requests to a worker and their replies. Every request ends: with its reply, with a deadline, or when the worker is
 * lost; a lost worker is terminated.
 */
export class WorkerCalls<C extends CallMap> {
  readonly lost: Promise<EngineError>
  #announceLost: (error: EngineError) => void = () => {}
  #ended: EngineError | undefined
  #nextId = 1
  readonly #waiting = new Map<number, Waiting>()

  constructor(
    private readonly port: WorkerPort,
    private readonly options: WorkerCallsOptions,
  ) {
    this.lost = new Promise((resolve) => {
      this.#announceLost = resolve
    })
    // The other end is our own worker, not a peer: the types are trusted.
    port.onMessage((message) => this.#receive(message as CallReply))
    port.onCrash((text) => this.lose(new EngineError('lost', `${options.name} crashed: ${text}`)))
  }

  get ended(): EngineError | undefined {
    return this.#ended
  }

  /** A reply that does not come within `timeoutMs` means a stuck worker: it is terminated and counts as lost. */
  async call<K extends keyof C & string>(
    kind: K,
    body: C[K]['request'],
    options: {
      timeoutMs: number
      transfer?: readonly Transferable[]
      onProgress?: (part: NonNullable<C[K]['progress']>) => void
    },
  ): Promise<C[K]['reply']> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#nextId++
    const progress = (part: unknown) => options.onProgress?.(part as NonNullable<C[K]['progress']>)
    const reply = new Promise<C[K]['reply']>((resolve, reject) => this.#waiting.set(id, { resolve, reject, progress }))
    try {
      const message: CallMessage<C, K> = { id, kind, body }
      this.port.post(message, options.transfer ?? [])
    } catch (cause) {
      this.#waiting.delete(id)
      throw new EngineError('shape', `${kind}: its data cannot be sent to the worker (already transferred?)`, { cause })
    }
    const { clock, name } = this.options
    const onTimeout = () => {
      const error = new EngineError('timeout', `${kind}: ${name} gave no answer in ${options.timeoutMs} ms`)
      this.lose(error)
      return error
    }
    return withDeadline(reply, { clock, timeoutMs: options.timeoutMs, onTimeout })
  }

  /** Ends the worker and every request with `error`. */
  lose(error: EngineError): void {
    if (this.end(error)) this.#announceLost(error)
  }

  /** As `lose`, but on purpose: nobody is told. */
  end(error: EngineError): boolean {
    if (this.#ended !== undefined) return false
    this.#ended = error
    this.port.terminate()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
    return true
  }

  #receive(message: CallReply): void {
    if ('lost' in message) {
      this.lose(new EngineError('lost', message.lost.message, { cause: this.options.toError(message.lost) }))
      return
    }
    const waiting = this.#waiting.get(message.id)
    if ('progress' in message) {
      waiting?.progress(message.progress)
      return
    }
    this.#waiting.delete(message.id)
    if (message.ok) waiting?.resolve(message.reply)
    else waiting?.reject(this.options.toError(message.error))
  }
}
