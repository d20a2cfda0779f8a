import { EngineError, type InferenceEngine, type StageRun, type StageSession } from '../engine.ts'
import type { EngineCalls, HostedEngine } from './messages.ts'
import type { HostPort } from './port.ts'
import { serveCalls } from './serve-calls.ts'
import { transferables } from './transfer.ts'

/** Serves one engine on a port: the worker's side of WorkerEngine. `open` builds the engine when it is asked for. */
export function serveEngine(port: HostPort, open: (engine: HostedEngine) => Promise<InferenceEngine>): void {
  const sessions = new Map<number, StageSession>()
  let opened: InferenceEngine | undefined
  let lastSession = 0
  const engine = () => {
    if (opened === undefined) throw new EngineError('unavailable', 'the worker has no engine yet')
    return opened
  }
  const giveUp = serveCalls<EngineCalls>(
    port,
    {
      open: async (request) => {
        opened = await open(request.engine)
        void opened.lost.then((error) => giveUp(error))
        return { threads: opened.threads }
      },
      load: async ({ stage, label }) => {
        const session = await engine().load(stage, { label })
        sessions.set(++lastSession, session)
        return { session: lastSession, inputs: session.inputs, outputs: session.outputs }
      },
      run: async ({ session, inputs }) => {
        const stage = sessions.get(session)
        if (stage === undefined) throw new EngineError('disposed', 'the session is disposed')
        return stage.run(inputs)
      },
      release: async ({ session }) => {
        const stage = sessions.get(session)
        sessions.delete(session)
        await stage?.[Symbol.asyncDispose]()
        return null
      },
      counters: async () => (await engine().counters?.()) ?? { sessions: sessions.size, liveTensors: 0 },
    },
    (kind, reply) => (kind === 'run' ? transferables((reply as StageRun).outputs) : []),
  )
}
