import { type Clock, type DeviceId, fromWire, toWire, withDeadline } from '@roomful/core'
import {
  checkReply,
  type NoticeKind,
  type NoticeOf,
  type PeerMessage,
  type RequestKind,
  type RequestOf,
} from '@roomful/protocol'
import { asTransportError } from './errors.ts'
import type { HandlerTable } from './handlers.ts'
import type { MessageLink } from './message-link.ts'
import { noticePriority, requestPriority } from './priority.ts'
import { type SendOptions, TransportError } from './room.ts'

export interface PeerLinkLimits {
  /** Questions of the peer that may be in work at once; more are refused with `rejected`. */
  readonly incoming: number
  /** Own questions that may wait for an answer at once. */
  readonly outgoing: number
  /** Malformed or senseless messages after which the link is closed. */
  readonly offences: number
}

export const PEER_LINK_LIMITS: PeerLinkLimits = { incoming: 64, outgoing: 256, offences: 8 }

interface Waiting {
  readonly kind: RequestKind
  resolve(body: unknown): void
  reject(error: unknown): void
}

/**
 * Questions and answers over one link after its hello. Replies are matched by id, never by order. Every wait ends:
 * with the answer, the peer's failure, the caller's timeout or abort, or the link's end.
 */
export class PeerLink {
  readonly peer: DeviceId
  readonly #link: MessageLink
  readonly #clock: Clock
  readonly #handlers: HandlerTable
  readonly #limits: PeerLinkLimits
  readonly #onAbuse: (error: TransportError) => void
  readonly #waiting = new Map<number, Waiting>()
  readonly #incoming = new Map<number, AbortController>()
  #ended: TransportError | undefined
  #spare: AbortController | undefined
  #nextId = 1
  #offences = 0

  constructor(options: {
    peer: DeviceId
    link: MessageLink
    clock: Clock
    handlers: HandlerTable
    limits?: PeerLinkLimits
    /** Called once, when the peer has sent too much nonsense; the owner closes the link. */
    onAbuse: (error: TransportError) => void
  }) {
    this.peer = options.peer
    this.#link = options.link
    this.#clock = options.clock
    this.#handlers = options.handlers
    this.#limits = options.limits ?? PEER_LINK_LIMITS
    this.#onAbuse = options.onAbuse
  }

  /** Own questions and questions of the peer that have not ended. */
  get open(): { readonly outgoing: number; readonly incoming: number } {
    return { outgoing: this.#waiting.size, incoming: this.#incoming.size }
  }

  /** @throws TransportError; the peer's failure as ReasonedError; or `signal.reason` */
  async request<K extends RequestKind>(kind: K, body: RequestOf<K>, options: SendOptions): Promise<unknown> {
    this.#throwIfEnded()
    options.signal?.throwIfAborted()
    if (this.#waiting.size >= this.#limits.outgoing) {
      throw new TransportError('rejected', `${this.#limits.outgoing} questions to this peer are already open`)
    }
    const id = this.#nextId++
    const sending = new AbortController()
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { kind, resolve, reject }))
    this.#link
      .send({ type: 'request', id, kind, body } as PeerMessage, {
        priority: options.priority ?? requestPriority(kind),
        signal: sending.signal,
      })
      ?.catch((error: unknown) => this.#settle(id)?.reject(error))
    try {
      return await withDeadline(answer, {
        clock: this.#clock,
        timeoutMs: options.timeoutMs,
        signal: options.signal,
        onTimeout: () => new TransportError('timeout', `no answer to ${kind} within ${options.timeoutMs} ms`),
      })
    } catch (error) {
      if (this.#settle(id) !== undefined) {
        // Still open on the other side: the timeout or the caller ended it here.
        sending.abort(error)
        this.#post({ type: 'abort', id })
      }
      throw error
    }
  }

  /** Resolves when the link accepted the message. @throws TransportError or `signal.reason` */
  async notify<K extends NoticeKind>(kind: K, body: NoticeOf<K>, options: SendOptions): Promise<void> {
    this.#throwIfEnded()
    options.signal?.throwIfAborted()
    const sending = this.#spare ?? new AbortController()
    this.#spare = undefined
    const accepted = this.#link.send({ type: 'notice', kind, body } as PeerMessage, {
      priority: options.priority ?? noticePriority(kind),
      signal: sending.signal,
    })
    if (accepted === undefined) {
      // Nothing listens to it: it serves the next notice.
      this.#spare = sending
      return
    }
    const { timeoutMs, signal } = options
    try {
      await withDeadline(accepted, {
        clock: this.#clock,
        timeoutMs,
        signal,
        onTimeout: () => new TransportError('timeout', `the link did not accept ${kind} within ${timeoutMs} ms`),
      })
    } catch (error) {
      sending.abort(error)
      throw error
    }
  }

  /** One message of the peer, form already checked. */
  receive(message: PeerMessage): void {
    if (this.#ended !== undefined) return
    switch (message.type) {
      case 'request':
        this.#onRequest(message.id, message.kind, message.body)
        break
      case 'reply':
        this.#answered(message.id, (waiting) => this.#resolve(waiting, message.body))
        break
      case 'failure':
        this.#answered(message.id, (waiting) => waiting.reject(fromWire(message.error)))
        break
      case 'abort':
        this.#incoming.get(message.id)?.abort(new TransportError('closed', 'the asker no longer waits'))
        this.#incoming.delete(message.id)
        break
      case 'notice':
        this.#handlers.notice(message.kind, message.body, this.peer)
        break
      case 'hello':
        this.offence('malformed', 'a second hello')
    }
  }

  /** Counts something that a well-behaved peer never sends; closes the link through `onAbuse` when it repeats. */
  offence(reason: 'malformed' | 'too-large', text: string): void {
    this.#offences++
    if (this.#offences === this.#limits.offences) {
      this.#onAbuse(new TransportError(reason, `peer ${this.peer}: ${text} (${this.#offences} such messages)`))
    }
  }

  /** Ends every exchange: own questions reject with `error`, the peer's are aborted. Closes the link; may be called twice. */
  end(error: TransportError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error)
    for (const controller of this.#incoming.values()) controller.abort(error)
    this.#incoming.clear()
    this.#link.close()
  }

  #onRequest(id: number, kind: RequestKind, body: unknown): void {
    if (this.#incoming.has(id)) {
      this.offence('malformed', `question ${id} asked twice`)
      return
    }
    if (this.#incoming.size >= this.#limits.incoming) {
      const error = new TransportError('rejected', `${this.#limits.incoming} questions are already in work here`)
      this.#post({ type: 'failure', id, error: toWire(error) })
      return
    }
    const controller = new AbortController()
    this.#incoming.set(id, controller)
    const { signal } = controller
    const options = { priority: requestPriority(kind), signal }
    this.#handlers
      .request(kind, body, { from: this.peer, signal })
      .then(
        (reply) => ({ type: 'reply', id, body: reply }) as const,
        (error: unknown) => ({ type: 'failure', id, error: toWire(error) }) as const,
      )
      .then(async (message) => {
        if (signal.aborted) return
        // An unsendable reply (too large, not JSON) is a failure that the asker must hear of.
        await this.#link.send(message, options)?.catch((error: unknown) => {
          if (!signal.aborted) this.#post({ type: 'failure', id, error: toWire(error) })
        })
      })
      .finally(() => {
        if (this.#incoming.get(id) === controller) this.#incoming.delete(id)
      })
  }

  #answered(id: number, how: (waiting: Waiting) => void): void {
    // An answer that crossed our abort or timeout is normal; one to a question never asked is not.
    if (id >= this.#nextId) {
      this.offence('malformed', `an answer to question ${id}, which was not asked`)
      return
    }
    const waiting = this.#settle(id)
    if (waiting !== undefined) how(waiting)
  }

  #resolve(waiting: Waiting, body: unknown): void {
    try {
      waiting.resolve(checkReply(waiting.kind, body))
    } catch (error) {
      this.offence('malformed', `a malformed reply to ${waiting.kind}`)
      waiting.reject(asTransportError(error))
    }
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  /** Small control messages that nobody waits for; a dead link makes them void. */
  #post(message: PeerMessage): void {
    if (this.#ended !== undefined) return
    this.#link.send(message, { priority: 'control' })?.catch(() => {})
  }

  #throwIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended
  }
}
