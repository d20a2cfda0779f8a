/** Typed listeners. One that throws does not keep the others from hearing; the error is handed to `onError`. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(...values: never[]) => void>>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void = reportError) {
    this.#onError = onError
  }

  on<E extends keyof Events>(event: E, listener: Events[E] & ((...values: never[]) => void)): () => void {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    // A wrapper of its own, so that one function may be registered twice and undone separately.
    const own = (...values: never[]) => listener(...values)
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }

  emit<E extends keyof Events>(event: E, ...values: Events[E] extends (...v: infer V) => void ? V : never): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(...(values as unknown as never[]))
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }
}

/** A listener's error must neither vanish nor stop the room: it surfaces as an uncaught error of its own. */
function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
