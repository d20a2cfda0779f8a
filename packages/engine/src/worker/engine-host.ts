import { fromWire, toWire } from '@roomful/core'
import { EngineError, type InferenceEngine, type StageSession } from '../engine.ts'
import type { EngineCall, EngineCalls, FromEngineWorker, HostedEngine, ToEngineWorker } from './messages.ts'
import type { HostPort } from './port.ts'
import { transferables } from './transfer.ts'

/** Serves one engine on a port: the worker's side of WorkerEngine. `open` builds the engine when it is asked for. */
export function serveEngine(port: HostPort, open: (engine: HostedEngine) => Promise<InferenceEngine>): void {
  const host = new EngineHost(port, open)
  port.onMessage((message) => {
    // The other end is our own main thread, not a peer: the type is trusted.
    void host.answer(message as ToEngineWorker)
  })
}

class EngineHost {
  #engine: InferenceEngine | undefined
  #nextSession = 1
  readonly #sessions = new Map<number, StageSession>()

  constructor(
    private readonly port: HostPort,
    private readonly open: (engine: HostedEngine) => Promise<InferenceEngine>,
  ) {}

  async answer(message: ToEngineWorker): Promise<void> {
    const { id } = message
    try {
      const reply = await this.#do(message)
      const transfer = message.kind === 'run' ? transferables((reply as EngineCalls['run']['reply']).outputs) : []
      this.#post({ id, ok: true, reply }, transfer)
    } catch (error) {
      this.#post({ id, ok: false, error: toWire(error) }, [])
    }
  }

  #post(message: FromEngineWorker, transfer: readonly Transferable[]): void {
    this.port.post(message, transfer)
  }

  async #do(message: ToEngineWorker): Promise<EngineCalls[EngineCall]['reply']> {
    switch (message.kind) {
      case 'open': {
        const engine = await this.open(message.engine)
        this.#engine = engine
        void engine.lost.then((error) => this.#post({ lost: toWire(error) }, []))
        return { threads: engine.threads }
      }
      case 'load': {
        const session = await this.#opened().load(message.stage, { label: message.label })
        const id = this.#nextSession++
        this.#sessions.set(id, session)
        return { session: id, inputs: session.inputs, outputs: session.outputs }
      }
      case 'run':
        return this.#session(message.session).run(message.inputs)
      case 'release': {
        const session = this.#sessions.get(message.session)
        this.#sessions.delete(message.session)
        await session?.[Symbol.asyncDispose]()
        return null
      }
      case 'counters': {
        const counted = await this.#opened().counters?.()
        return counted ?? { sessions: this.#sessions.size, liveTensors: 0 }
      }
    }
  }

  #opened(): InferenceEngine {
    if (this.#engine === undefined) throw new EngineError('unavailable', 'the worker has no engine yet')
    return this.#engine
  }

  #session(id: number): StageSession {
    const session = this.#sessions.get(id)
    if (session === undefined) throw new EngineError('disposed', 'the session is disposed')
    return session
  }
}

const REASONS: readonly string[] = [
  'unsupported',
  'malformed',
  'memory',
  'lost',
  'shape',
  'disposed',
  'timeout',
  'unavailable',
] satisfies EngineError['reason'][]

/** The error a worker reported, as an EngineError again. */
export function engineErrorFromWire(wire: Parameters<typeof fromWire>[0]): EngineError {
  const { reason, message, cause } = fromWire(wire)
  const known = REASONS.includes(reason) ? (reason as EngineError['reason']) : 'malformed'
  return new EngineError(known, message, cause === undefined ? undefined : { cause })
}
