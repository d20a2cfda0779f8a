/** The main thread's end of a worker, as far as it is used; tests put a MessagePort behind it. */
export interface WorkerPort {
  post(message: unknown, transfer: readonly Transferable[]): void
  /** At most one listener of each kind. */
  onMessage(listener: (message: unknown) => void): void
  /** The worker threw outside any request, failed to start or sent what cannot be cloned. */
  onCrash(listener: (message: string) => void): void
  /** Ends the worker at once, whatever it is doing. */
  terminate(): void
}

export function workerPort(worker: Worker): WorkerPort {
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    onMessage: (listener) => {
      worker.onmessage = (event) => listener(event.data)
    },
    onCrash: (listener) => {
      worker.onerror = (event) => {
        event.preventDefault()
        listener(event.message || 'the worker script failed to load')
      }
      worker.onmessageerror = () => listener('a message of the worker could not be read')
    },
    terminate: () => {
      worker.onmessage = null
      worker.onerror = null
      worker.onmessageerror = null
      worker.terminate()
    },
  }
}

/** The worker's own end. */
export interface HostPort {
  post(message: unknown, transfer: readonly Transferable[]): void
  onMessage(listener: (message: unknown) => void): void
}
