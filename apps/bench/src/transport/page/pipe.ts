/** One contender: whole binary messages to the other page, in order. */
export interface Pipe {
  /** Resolves when the next message may be handed over. */
  send(message: Uint8Array<ArrayBuffer>): Promise<void>
  onMessage: (message: Uint8Array) => void
  close(): void
}

/** What two pages tell each other while a pipe is opened; carried by the driver. */
export type Signal = (value: unknown) => void
