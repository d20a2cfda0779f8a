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
   * Undefined when the message was accepted at once, else a promise that resolves when it was accepted below the
   * high-water mark (not when it arrived). Never throws; the promise rejects with TransportError `malformed`,
   * `too-large`, `rejected` (queue full), `disconnected`, or with `signal.reason`.
   */
  send(message: PeerMessage, options: LinkSendOptions): Promise<void> | undefined
  /** Ends the link without a word to the peer; waiting sends reject with `disconnected`. May be called twice. */
  close(): void
}
