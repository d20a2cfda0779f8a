import { type Clock, type DeviceId, type DeviceProfile, errorText, type LinkProfile, type RoomId } from '@roomful/core'
import {
  type ClientEvents,
  checkAnswer,
  checkJoinAnswer,
  checkServerMessage,
  type Sealed,
  type ServerEvents,
  type SignallingRefusal,
} from '@roomful/protocol'
import { io, type Socket } from 'socket.io-client'
import { TransportError } from './room.ts'

export interface SignallingEvents {
  /** Joined, or joined again: the registry's whole view. */
  onJoined(peers: readonly DeviceProfile[], links: readonly LinkProfile[]): void
  onPeer(profile: DeviceProfile, links: readonly LinkProfile[]): void
  /** The server has lost its line to the device. */
  onUnseen(id: DeviceId): void
  onLeft(id: DeviceId, reason: 'left' | 'timeout' | 'disconnected'): void
  onSignal(from: DeviceId, sealed: Sealed): void
  onState(state: 'connected' | 'reconnecting' | 'closed', detail?: string): void
  onWarning(text: string): void
}

export interface SignallingOptions extends SignallingEvents {
  /** Where the server is: `https://host:port` (its socket.io at /socket.io). */
  readonly url: string
  readonly room: RoomId
  readonly clock: Clock
  /** The first join is given up after this time, milliseconds: see `connect`. */
  readonly joinTimeoutMs: number
  /** What is published; asked anew for every join, so that a restarted server gets the present state. */
  readonly describe: () => { profile: DeviceProfile; links: readonly LinkProfile[] }
}

/** The server forgets a device after 90 s of silence. */
const HEARTBEAT_MS = 20_000
const ANSWER_TIMEOUT_MS = 10_000
/** Changes are published at most this often; the newest wins. */
const PUBLISH_EVERY_MS = 500
/** Refusals after which joining again would only be refused again. */
const FINAL: readonly SignallingRefusal['reason'][] = ['version', 'malformed', 'room-full', 'too-large']

/**
 * A device's line to the signalling server. socket.io begins with polling and upgrades when it can. After a lost
 * connection or a restarted server it joins again with its whole profile and its resume token. Nothing waits here while
 * the server is away: signals are dropped (their attempts are repeated), profiles are asked for anew.
 */
export class SignallingClient {
  readonly #options: SignallingOptions
  readonly #socket: Socket<ServerEvents, ClientEvents>
  #resume: string | undefined
  #joined = false
  #closed = false
  #publishing = false
  #dirty = false
  readonly #timers = new Set<() => void>()
  #cancelHeartbeat: () => void = () => {}
  #firstJoin: { resolve(): void; reject(error: TransportError): void } | undefined
  /** Why the first join has not come about yet. */
  #trouble: string | undefined

  constructor(options: SignallingOptions) {
    this.#options = options
    this.#socket = io(options.url, {
      autoConnect: false,
      forceNew: true,
      transports: ['polling', 'websocket'],
      reconnectionDelay: 300,
      reconnectionDelayMax: 5000,
      timeout: 10_000,
    })
    this.#socket.on('connect', () => this.#join())
    this.#socket.on('disconnect', (reason) => {
      this.#lost(reason)
      // socket.io takes the server's goodbye for final; here it is a restart.
      if (reason === 'io server disconnect') this.#after(300, () => this.#socket.connect())
    })
    this.#socket.on('connect_error', (error) => this.#lost(error.message))
    this.#socket.on('server-closing', () => this.#lost('the server is closing'))
    this.#listen('peer-joined', ({ profile }) => options.onPeer(profile, []))
    this.#listen('peer-updated', ({ profile, links }) => options.onPeer(profile, links))
    this.#listen('peer-unseen', ({ id }) => options.onUnseen(id))
    this.#listen('peer-left', ({ id, reason }) => options.onLeft(id, reason))
    this.#listen('signal', ({ from, sealed }) => options.onSignal(from, sealed))
  }

  get joined(): boolean {
    return this.#joined
  }

  /**
   * Resolves when the room was joined. Tries again and again for `joinTimeoutMs`; once a room was joined, a lost server is
   * tried without end.
   * @throws TransportError when refused; `unreachable` when time is up
   */
  connect(): Promise<void> {
    const { joinTimeoutMs, url } = this.#options
    return new Promise((resolve, reject) => {
      const cancel = this.#after(joinTimeoutMs, () => {
        const why = this.#trouble === undefined ? '' : ` (${this.#trouble})`
        const within = `within ${Math.round(joinTimeoutMs / 1000)} s`
        this.#refuseFirst(new TransportError('unreachable', `${url} let nobody into the room ${within}${why}`))
      })
      this.#firstJoin = {
        resolve: () => {
          cancel()
          resolve()
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      }
      this.#socket.connect()
    })
  }

  /** Publishes what `describe` says, soon and at most twice a second. */
  publish(): void {
    this.#dirty = true
    if (this.#publishing || this.#closed) return
    this.#publishing = true
    this.#after(0, () => this.#publishNow())
  }

  /** False when the signal could not be handed to the server: the caller's attempt will be repeated. */
  signal(to: DeviceId, sealed: Sealed): Promise<boolean> {
    if (!this.#joined) return Promise.resolve(false)
    return this.#ask((answered) => this.#socket.emit('signal', { to, sealed }, answered)).then(
      (value) => checkAnswer(value).ok,
      () => false,
    )
  }

  /** Says goodbye when the server can be reached, and closes. */
  async leave(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const cancel of this.#timers) cancel()
    if (this.#joined) await this.#ask((answered) => this.#socket.emit('leave', answered), 500).catch(() => {})
    this.#joined = false
    this.#socket.disconnect()
    for (const cancel of this.#timers) cancel()
    this.#firstJoin?.reject(new TransportError('closed', 'the room was left'))
  }

  #join(): void {
    const { profile, links } = this.#options.describe()
    const message = {
      room: this.#options.room,
      profile,
      links,
      ...(this.#resume === undefined ? {} : { resume: this.#resume }),
    }
    const retry = (text: string) => {
      this.#trouble = text
      this.#options.onWarning(`joining: ${text}`)
      this.#retryJoin(2000)
    }
    const cancel = this.#after(ANSWER_TIMEOUT_MS, () => retry('the server does not answer'))
    // Not through a promise: events that follow in the same packet must find the answer processed.
    this.#socket.emit('join', message, (value: unknown) => {
      cancel()
      try {
        this.#onJoinAnswer(checkJoinAnswer(value))
      } catch (error) {
        retry(errorText(error))
      }
    })
  }

  #onJoinAnswer(answer: ReturnType<typeof checkJoinAnswer>): void {
    if (this.#closed) return
    if (answer.ok) {
      this.#resume = answer.resume
      this.#joined = true
      this.#dirty = false
      this.#firstJoin?.resolve()
      this.#firstJoin = undefined
      this.#options.onState('connected')
      this.#options.onJoined(answer.peers, answer.links)
      this.#heartbeatLater()
      return
    }
    const error = refusal(answer)
    if (this.#firstJoin !== undefined && (FINAL.includes(answer.reason) || answer.reason === 'id-taken')) {
      this.#refuseFirst(error)
    } else if (FINAL.includes(answer.reason)) {
      this.#options.onWarning(error.message)
      this.#shut(error.message)
    } else {
      this.#trouble = error.message
      this.#retryJoin(answer.retryAfterMs ?? 1000)
    }
  }

  #refuseFirst(error: TransportError): void {
    this.#firstJoin?.reject(error)
    this.#firstJoin = undefined
    this.#shut(error.message)
  }

  #retryJoin(delayMs: number): void {
    this.#after(delayMs, () => {
      if (this.#socket.connected && !this.#joined) this.#join()
    })
  }

  #heartbeatLater(): void {
    this.#cancelHeartbeat()
    this.#cancelHeartbeat = this.#after(HEARTBEAT_MS, () => {
      if (!this.#joined) return
      this.#heartbeatLater()
      this.#ask((answered) => this.#socket.emit('heartbeat', answered))
        .then((value) => this.#forgotten(checkAnswer(value)))
        .catch(() => {})
    })
  }

  #publishNow(): void {
    if (!this.#dirty || !this.#joined) {
      this.#publishing = false
      return
    }
    this.#dirty = false
    this.#ask((answered) => this.#socket.emit('profile', this.#options.describe(), answered))
      .then((value) => {
        const answer = checkAnswer(value)
        if (!this.#forgotten(answer) && !answer.ok)
          this.#options.onWarning(`the profile was refused: ${answer.message}`)
      })
      .catch(() => {})
    this.#after(PUBLISH_EVERY_MS, () => this.#publishNow())
  }

  /** The server no longer knows this device: join again. */
  #forgotten(answer: { ok: boolean; reason?: string }): boolean {
    if (answer.ok || answer.reason !== 'not-joined' || !this.#joined) return false
    this.#joined = false
    this.#join()
    return true
  }

  #lost(detail: string): void {
    this.#joined = false
    this.#trouble = detail
    this.#cancelHeartbeat()
    if (!this.#closed) this.#options.onState('reconnecting', detail)
  }

  #shut(detail: string): void {
    this.#closed = true
    this.#joined = false
    this.#socket.disconnect()
    this.#options.onState('closed', detail)
  }

  /** Sends an event and waits, bounded, for its acknowledgement. */
  #ask(emit: (answered: (value: unknown) => void) => void, timeoutMs = ANSWER_TIMEOUT_MS): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#after(timeoutMs, () => reject(new TransportError('timeout', 'the server does not answer')))
      emit((value) => {
        cancel()
        resolve(value)
      })
    })
  }

  #listen<E extends 'peer-joined' | 'peer-updated' | 'peer-unseen' | 'peer-left' | 'signal'>(
    event: E,
    listener: (message: Parameters<ServerEvents[E]>[0]) => void,
  ): void {
    const receive = (value: unknown) => {
      try {
        listener(checkServerMessage(event, value))
      } catch (error) {
        this.#options.onWarning(`from the server: ${errorText(error)}`)
      }
    }
    this.#socket.on(event as string as 'signal', receive)
  }

  #after(delayMs: number, callback: () => void): () => void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      callback()
    })
    this.#timers.add(cancel)
    return () => {
      this.#timers.delete(cancel)
      cancel()
    }
  }
}

function refusal(answer: SignallingRefusal): TransportError {
  const { reason } = answer
  const own = reason === 'version' || reason === 'malformed' || reason === 'too-large' ? reason : 'rejected'
  return new TransportError(own, answer.message)
}
