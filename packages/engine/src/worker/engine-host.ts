import { type ChainPart, type ChainRun, runSteps } from '../chain.ts'
import { EngineError, type InferenceEngine, type StageRun, type StageSession } from '../engine.ts'
import type { EngineCalls, HostedEngine } from './messages.ts'
import type { HostPort } from './port.ts'
import { serveCalls } from './serve-calls.ts'
import { sharedMaps } from './shared-maps.ts'
import { isStopped } from './stop-flag.ts'
import { giveBack, transferables } from './transfer.ts'

/** Serves one engine on a port: the worker's side of WorkerEngine. `open` builds the engine when it is asked for. */
export function serveEngine(port: HostPort, open: (engine: HostedEngine) => Promise<InferenceEngine>): void {
  const sessions = new Map<number, StageSession>()
  let opened: InferenceEngine | undefined
  let lastSession = 0
  let stopped = false
  let giveWay: (() => Promise<void>) | undefined
  const engine = () => {
    if (opened === undefined) throw new EngineError('unavailable', 'the worker has no engine yet')
    return opened
  }
  const held = (session: number) => {
    const stage = sessions.get(session)
    if (stage === undefined) throw new EngineError('disposed', 'the session is disposed')
    return stage
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
        const reply = await held(session).run(inputs)
        const given = Object.values(reply.outputs).map(({ data }) => data.buffer)
        for (const map of Object.values(inputs)) if (!given.includes(map.data.buffer)) giveBack(map)
        return reply
      },
      chain: async ({ steps, maps, taps, memory, turn }, progress) => {
        stopped = false
        const byMessage = () => {
          giveWay ??= taskYield()
          return { stopped: () => stopped, between: giveWay }
        }
        const listening = turn === undefined ? byMessage() : { stopped: () => isStopped(turn) }
        const tap = (part: ChainPart) => progress({ ...part, maps: sharedMaps(part.maps, memory) })
        const chain = steps.map((step) => ({ ...step, session: held(step.session) }))
        // The maps are this thread's own: nothing needs to be kept beyond the chain.
        return runSteps(chain, maps, [], taps, { ...listening, onTap: tap, onSpent: giveBack })
      },
      stop: async () => {
        stopped = true
        return null
      },
      release: async ({ session }) => {
        const stage = sessions.get(session)
        sessions.delete(session)
        await stage?.[Symbol.asyncDispose]()
        return null
      },
      counters: async () => (await engine().counters?.()) ?? { sessions: sessions.size, liveTensors: 0 },
    },
    (kind, reply) => {
      if (kind === 'run') return transferables((reply as StageRun).outputs)
      return kind === 'chain' ? transferables((reply as ChainRun).maps) : []
    },
  )
}

/** Gives way to the messages that came during a run. A timer would wait 4 ms once it is nested. */
function taskYield(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel()
  let resume = () => {}
  port1.onmessage = () => resume()
  return () =>
    new Promise((resolve) => {
      resume = resolve
      port2.postMessage(null)
    })
}
