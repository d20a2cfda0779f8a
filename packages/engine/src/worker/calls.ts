import { type Clock, withDeadline } from '@roomful/core'
import { EngineError } from '../engine.ts'
import { engineErrorFromWire } from './engine-host.ts'
import type { EngineCall, EngineCalls, FromEngineWorker } from './messages.ts'
import type { WorkerPort } from './port.ts'

interface Waiting {
  resolve(reply: EngineCalls[EngineCall]['reply']): void
  reject(error: Error): void
}

/**
 * Requests to an engine worker and their replies. Every request ends: with its reply, with a deadline, or when the worker
 * is lost; a lost worker is terminated.
 */
export class EngineWorkerCalls {
  readonly lost: Promise<EngineError>
  #announceLost: (error: EngineError) => void = () => {}
  #ended: EngineError | undefined
  #nextId = 1
  readonly #waiting = new Map<number, Waiting>()

  constructor(
    private readonly port: WorkerPort,
    private readonly clock: Clock,
  ) {
    this.lost = new Promise((resolve) => {
      this.#announceLost = resolve
    })
    port.onMessage((message) => this.#receive(message as FromEngineWorker))
    port.onCrash((text) => this.lose(new EngineError('lost', `the engine's worker crashed: ${text}`)))
  }

  get ended(): EngineError | undefined {
    return this.#ended
  }

  /** A reply that does not come within `timeoutMs` means a stuck worker: it is terminated, and the engine is lost. */
  async call<K extends EngineCall>(
    kind: K,
    request: EngineCalls[K]['request'],
    options: { timeoutMs: number; transfer?: readonly Transferable[] },
  ): Promise<EngineCalls[K]['reply']> {
    if (this.#ended !== undefined) throw this.#ended
    const id = this.#nextId++
    const reply = new Promise<EngineCalls[K]['reply']>((resolve, reject) => {
      // The worker answers an id with the reply of that id's kind.
      this.#waiting.set(id, { resolve: (value) => resolve(value as EngineCalls[K]['reply']), reject })
    })
    try {
      this.port.post({ id, kind, ...request }, options.transfer ?? [])
    } catch (cause) {
      this.#waiting.delete(id)
      throw new EngineError('shape', `${kind}: its data cannot be sent to the worker (already transferred?)`, { cause })
    }
    const onTimeout = () => {
      const error = new EngineError('timeout', `${kind}: the engine's worker gave no answer in ${options.timeoutMs} ms`)
      this.lose(error)
      return error
    }
    return withDeadline(reply, { clock: this.clock, timeoutMs: options.timeoutMs, onTimeout })
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

  #receive(message: FromEngineWorker): void {
    if ('lost' in message) {
      this.lose(engineErrorFromWire(message.lost))
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.ok) waiting?.resolve(message.reply)
    else waiting?.reject(engineErrorFromWire(message.error))
  }
}
