import type { Pipe, Signal } from './pipe.ts'

/** Handing over pauses above the high mark until the channel has fallen to the low one. */
const HIGH_BYTES = 256 << 10
const LOW_BYTES = 64 << 10
const HEADER_BYTES = 4

/**
 * What an application would write on a plain RTCDataChannel: each message has its length in front, is cut into chunks of
 * `chunkBytes`, waits for `bufferedamountlow`, and is put together again on the other side. No names, no checks.
 */
export class RawPipe implements Pipe {
  onMessage: (message: Uint8Array) => void = () => {}
  readonly opened: Promise<void>
  readonly #connection = new RTCPeerConnection()
  readonly #channel: RTCDataChannel
  readonly #chunkBytes: number
  readonly #signal: Signal
  #low: (() => void) | undefined
  #partial: { bytes: Uint8Array; received: number } | undefined

  constructor(chunkBytes: number, signal: Signal) {
    this.#chunkBytes = chunkBytes
    this.#signal = signal
    this.#channel = this.#connection.createDataChannel('raw', { negotiated: true, id: 0 })
    this.#channel.binaryType = 'arraybuffer'
    this.#channel.bufferedAmountLowThreshold = LOW_BYTES
    this.#channel.onbufferedamountlow = () => {
      this.#low?.()
      this.#low = undefined
    }
    this.#channel.onmessage = ({ data }) => this.#receive(new Uint8Array(data as ArrayBuffer))
    this.#connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) signal({ candidate: candidate.toJSON() })
    }
    this.opened = new Promise((resolve) => {
      this.#channel.onopen = () => resolve()
    })
  }

  async offer(): Promise<void> {
    await this.#connection.setLocalDescription(await this.#connection.createOffer())
    this.#signal({ description: this.#connection.localDescription?.toJSON() })
  }

  async receiveSignal(value: unknown): Promise<void> {
    const { candidate, description } = value as {
      candidate?: RTCIceCandidateInit
      description?: RTCSessionDescriptionInit
    }
    if (candidate !== undefined) await this.#connection.addIceCandidate(candidate)
    if (description === undefined) return
    await this.#connection.setRemoteDescription(description)
    if (description.type !== 'offer') return
    await this.#connection.setLocalDescription(await this.#connection.createAnswer())
    this.#signal({ description: this.#connection.localDescription?.toJSON() })
  }

  async send(message: Uint8Array<ArrayBuffer>): Promise<void> {
    const room = this.#chunkBytes - HEADER_BYTES
    const first = new Uint8Array(HEADER_BYTES + Math.min(room, message.byteLength))
    new DataView(first.buffer).setUint32(0, message.byteLength, true)
    first.set(message.subarray(0, room), HEADER_BYTES)
    await this.#hand(first)
    for (let at = room; at < message.byteLength; at += this.#chunkBytes) {
      await this.#hand(message.subarray(at, at + this.#chunkBytes))
    }
  }

  close(): void {
    this.#connection.close()
  }

  async #hand(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#channel.bufferedAmount >= HIGH_BYTES) {
      await new Promise<void>((resolve) => {
        this.#low = resolve
      })
    }
    this.#channel.send(chunk)
  }

  #receive(chunk: Uint8Array): void {
    let payload = chunk
    if (this.#partial === undefined) {
      const total = new DataView(chunk.buffer, chunk.byteOffset).getUint32(0, true)
      this.#partial = { bytes: new Uint8Array(total), received: 0 }
      payload = chunk.subarray(HEADER_BYTES)
    }
    this.#partial.bytes.set(payload, this.#partial.received)
    this.#partial.received += payload.byteLength
    if (this.#partial.received < this.#partial.bytes.byteLength) return
    const { bytes } = this.#partial
    this.#partial = undefined
    this.onMessage(bytes)
  }
}
