import type { DeviceId } from '@roomful/core'
import type { NoticeKind, RequestKind } from '@roomful/protocol'
import { type CallContext, TransportError } from './room.ts'

type RequestHandler = (body: unknown, context: CallContext) => Promise<unknown>
type NoticeHandler = (body: unknown, from: DeviceId) => void

/** How much may wait for a handler that is not set yet, over all kinds. */
export interface HoldLimits {
  readonly messages: number
  readonly bytes: number
}

/** 64 messages and 16 MiB: a few requests' features while a page is still composing its parts. */
export const HOLD_LIMITS: HoldLimits = { messages: 64, bytes: 16 << 20 }

interface Held {
  readonly kind: string
  readonly bytes: number
  deliver(): void
  drop(): void
}

/** The room's handlers by kind. A message that comes before its handler is held, bounded, and delivered in order. */
export class HandlerTable {
  readonly #requests = new Map<RequestKind, RequestHandler>()
  readonly #notices = new Map<NoticeKind, Set<NoticeHandler>>()
  readonly #held = new Set<Held>()
  readonly #limits: HoldLimits
  readonly #warn: (text: string) => void
  #heldBytes = 0

  constructor(warn: (text: string) => void, limits: HoldLimits = HOLD_LIMITS) {
    this.#warn = warn
    this.#limits = limits
  }

  handle(kind: RequestKind, handler: RequestHandler): () => void {
    if (this.#requests.has(kind)) throw new TransportError('rejected', `a handler for ${kind} is already set`)
    this.#requests.set(kind, handler)
    this.#release(`request ${kind}`)
    return () => {
      if (this.#requests.get(kind) === handler) this.#requests.delete(kind)
    }
  }

  onNotice(kind: NoticeKind, handler: NoticeHandler): () => void {
    const handlers = this.#notices.get(kind) ?? new Set()
    this.#notices.set(kind, handlers)
    const own: NoticeHandler = (body, from) => handler(body, from)
    handlers.add(own)
    this.#release(`notice ${kind}`)
    return () => {
      handlers.delete(own)
    }
  }

  /** Runs the handler, or waits for one until the context's signal aborts. */
  async request(kind: RequestKind, body: unknown, context: CallContext): Promise<unknown> {
    const handler = this.#requests.get(kind)
    if (handler !== undefined) return handler(body, context)
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#forget(held)
        reject(context.signal.reason)
      }
      const held: Held = {
        kind: `request ${kind}`,
        bytes: blobBytes(body),
        deliver: () => {
          context.signal.removeEventListener('abort', onAbort)
          this.request(kind, body, context).then(resolve, reject)
        },
        drop: () => {
          context.signal.removeEventListener('abort', onAbort)
          reject(new TransportError('rejected', `this device does not answer ${kind} yet`))
        },
      }
      if (context.signal.aborted) return reject(context.signal.reason)
      context.signal.addEventListener('abort', onAbort, { once: true })
      this.#hold(held)
    })
  }

  notice(kind: NoticeKind, body: unknown, from: DeviceId): void {
    const handlers = this.#notices.get(kind)
    if (handlers === undefined || handlers.size === 0) {
      this.#hold({
        kind: `notice ${kind}`,
        bytes: blobBytes(body),
        deliver: () => this.notice(kind, body, from),
        drop: () => this.#warn(`dropped a ${kind} notice: nothing listens for it`),
      })
      return
    }
    for (const handler of [...handlers]) {
      try {
        handler(body, from)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  /** Drops everything held; handlers stay. */
  clear(): void {
    for (const held of [...this.#held]) {
      this.#forget(held)
      held.drop()
    }
  }

  #hold(held: Held): void {
    this.#held.add(held)
    this.#heldBytes += held.bytes
    while (this.#held.size > this.#limits.messages || this.#heldBytes > this.#limits.bytes) {
      const [oldest] = this.#held
      if (oldest === undefined) return
      this.#forget(oldest)
      oldest.drop()
    }
  }

  #release(kind: string): void {
    for (const held of [...this.#held]) {
      if (held.kind !== kind) continue
      this.#forget(held)
      held.deliver()
    }
  }

  #forget(held: Held): void {
    if (this.#held.delete(held)) this.#heldBytes -= held.bytes
  }
}

/** Bytes of a body's blobs; what a bound on held messages counts. */
export function blobBytes(body: unknown): number {
  if (typeof body !== 'object' || body === null || !('blobs' in body) || !Array.isArray(body.blobs)) return 0
  return body.blobs.reduce((sum: number, blob: Uint8Array) => sum + blob.byteLength, 0)
}
