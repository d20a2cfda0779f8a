import type { PeerMessage } from '@roomful/protocol'
import type { Priority } from './room.ts'

export interface LinkSendOptions {
  readonly priority: Priority
  /** Drops what has not left yet; `send` then rejects with `signal.reason`. Honoured until the last byte was handed over. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The way of whole messages to one peer: reliable, in order within a priority. Above it nothing knows whether bytes
 * travel over WebRTC or through a simulation.
 */
export interface MessageLink {
  /**
   * Resolves when the message was accepted below the high-water mark (not when it arrived).
   * @throws TransportError `too-large`, `rejected` (queue full), `disconnected`; or `signal.reason`
   */
  send(message: PeerMessage, options: LinkSendOptions): Promise<void>
  /** Ends the link without a word to the peer; waiting sends reject with `disconnected`. May be called twice. */
  close(): void
}
