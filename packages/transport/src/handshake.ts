import { type Clock, type DeviceId, withDeadline } from '@roomful/core'
import {
  checkVersion,
  createNonce,
  helloProof,
  type PeerMessage,
  PROTOCOL_VERSION,
  type RoomKeys,
  verifyHelloProof,
} from '@roomful/protocol'
import { asTransportError } from './errors.ts'
import type { MessageLink } from './message-link.ts'
import { TransportError } from './room.ts'

type Hello = Extract<PeerMessage, { type: 'hello' }>

/** How long the other side may take to prove itself. */
export const HELLO_TIMEOUT_MS = 10_000

/**
 * The hello of a fresh link (protocol/hello.ts): both sides show version and nonce, then prove that they know the room
 * key. Feed it every message until `done` settles; nothing but hellos is accepted before.
 */
export class Handshake {
  readonly #options: {
    readonly self: DeviceId
    readonly peer: DeviceId
    readonly keys: RoomKeys
    readonly link: MessageLink
    readonly version?: number
  }
  readonly #nonce = createNonce()
  readonly #done: Promise<void>
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #tail: Promise<void> = Promise.resolve()
  #theirNonce: string | undefined
  #proofSeen = false
  /** The other side may finish first and speak before its proof was checked here: kept in order, bounded. */
  readonly #early: PeerMessage[] = []

  constructor(options: {
    self: DeviceId
    peer: DeviceId
    keys: RoomKeys
    link: MessageLink
    /** For tests of the refusal. */
    version?: number
  }) {
    this.#options = options
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#done.catch(() => {})
  }

  /** Messages that came after the proof while it was being checked. */
  get early(): readonly PeerMessage[] {
    return this.#early
  }

  /** Sends hello and waits for the other side. @throws TransportError `version`, `rejected`, `malformed`, `timeout` */
  run(clock: Clock, timeoutMs = HELLO_TIMEOUT_MS): Promise<void> {
    this.#say()
    return withDeadline(this.#done, {
      clock,
      timeoutMs,
      onTimeout: () => new TransportError('timeout', `${this.#options.peer} did not say hello within ${timeoutMs} ms`),
    })
  }

  receive(message: PeerMessage): void {
    const { peer } = this.#options
    if (message.type === 'hello') {
      this.#proofSeen ||= message.proof !== undefined
      // One after the other: our proof must leave before theirs can end the handshake.
      this.#tail = this.#tail.then(() => this.#hello(message)).catch((error: unknown) => this.fail(error))
    } else if (this.#proofSeen && this.#early.length < 64) this.#early.push(message)
    else this.fail(new TransportError('malformed', `${peer} sent ${message.type} before its proof`))
  }

  fail(error: unknown): void {
    this.#reject(asTransportError(error))
  }

  async #hello(message: Hello): Promise<void> {
    const { self, peer, keys, version = PROTOCOL_VERSION } = this.#options
    checkVersion(message.version, peer, version)
    if (message.device !== peer) throw new TransportError('rejected', `expected ${peer}, met ${message.device}`)
    if (this.#theirNonce === undefined) {
      this.#theirNonce = message.nonce
      const claim = { version, prover: self, verifier: peer, proverNonce: this.#nonce, verifierNonce: message.nonce }
      this.#say(await helloProof(keys, claim))
    }
    if (message.nonce !== this.#theirNonce) throw new TransportError('malformed', `${peer} changed its nonce`)
    if (message.proof === undefined) return
    const claim = { version, prover: peer, verifier: self, proverNonce: message.nonce, verifierNonce: this.#nonce }
    await verifyHelloProof(keys, claim, message.proof)
    this.#resolve()
  }

  #say(proof?: string): void {
    const { self, link, version = PROTOCOL_VERSION } = this.#options
    const hello: Hello = {
      type: 'hello',
      version,
      device: self,
      nonce: this.#nonce,
      ...(proof === undefined ? {} : { proof }),
    }
    link.send(hello, { priority: 'control' })?.catch((error: unknown) => this.fail(error))
  }
}
