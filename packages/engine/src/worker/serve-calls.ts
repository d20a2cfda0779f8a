import { toWire } from '@roomful/core'
import type { CallMap, CallMessage, CallReply } from './calls.ts'
import type { HostPort } from './port.ts'

export type CallHandlers<C extends CallMap> = {
  readonly [K in keyof C]: (
    body: C[K]['request'],
    progress: (part: NonNullable<C[K]['progress']>) => void,
  ) => Promise<C[K]['reply']>
}

/**
 * The worker's side of WorkerCalls. `transfer` names the buffers of a reply that are moved instead of copied. Returns a
 * function that tells the other end that this worker is of no more use.
 */
export function serveCalls<C extends CallMap>(
  port: HostPort,
  handlers: CallHandlers<C>,
  transfer: (kind: keyof C, reply: unknown) => readonly Transferable[],
): (error: Error) => void {
  const post = (message: CallReply, moved: readonly Transferable[]) => port.post(message, moved)
  const answer = async ({ id, kind, body }: CallMessage<C>) => {
    try {
      // What is told on the way is copied: the handler still needs it.
      const reply = await handlers[kind](body, (progress) => post({ id, progress }, []))
      post({ id, ok: true, reply }, transfer(kind, reply))
    } catch (error) {
      post({ id, ok: false, error: toWire(error) }, [])
    }
  }
  port.onMessage((message) => {
    void answer(message as CallMessage<C>)
  })
  return (error) => post({ lost: toWire(error) }, [])
}
