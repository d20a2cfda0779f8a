import type { RoomSnapshot } from '../snapshot.ts'

type Listener = (snapshot: RoomSnapshot) => void

const MAX_MESSAGES = 20

/** Holds the snapshot; changes made in the same task reach the listeners as one. */
export class SnapshotStore {
  #snapshot: RoomSnapshot
  #scheduled = false
  #messageId = 0
  readonly #listeners = new Set<Listener>()

  constructor(first: RoomSnapshot) {
    this.#snapshot = first
  }

  get snapshot(): RoomSnapshot {
    return this.#snapshot
  }

  update(change: Partial<RoomSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change }
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      for (const listener of this.#listeners) listener(this.#snapshot)
    })
  }

  /** Removes an optional part; `update` cannot, since absent and undefined differ. */
  drop(key: 'model' | 'plan' | 'practice'): void {
    const { [key]: _, ...rest } = this.#snapshot
    this.#snapshot = rest
    this.update({})
  }

  say(kind: 'info' | 'warning' | 'error', text: string): void {
    if (this.#snapshot.messages.at(-1)?.text === text) return
    const message = { id: ++this.#messageId, kind, text: text.slice(0, 400) }
    this.update({ messages: [...this.#snapshot.messages, message].slice(-MAX_MESSAGES) })
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  clear(): void {
    this.#listeners.clear()
  }
}
