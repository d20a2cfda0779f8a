/**
 * What everything above WebRTC needs of a data channel: reliable ordered binary messages of at most 262,144 bytes. The
 * subset of RTCDataChannel that matters, so that tests in Node bring their own.
 */
export interface ByteChannel {
  /** Hands one message over: its bytes are copied before this returns. @throws when the channel is not open */
  send(bytes: Uint8Array<ArrayBuffer>): void
  /** Bytes handed over and not yet on the wire. */
  readonly bufferedAmount: number
  /** Called when `bufferedAmount` falls to `lowWaterBytes` or below. Set once, by the owner. */
  onLow: (() => void) | undefined
  lowWaterBytes: number
  onMessage: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined
  /** Called once, when the channel closed from either side. */
  onClose: ((reason: string) => void) | undefined
  close(): void
}
