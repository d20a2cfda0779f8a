import { MessageChannel } from 'node:worker_threads'
import type { HostPort, WorkerPort } from '../worker/port.ts'

/** Two ends of one channel, as a page and its worker have them; `crash` is what the browser's `error` event would do. */
export function nodeWorkerPorts(): {
  main: WorkerPort
  host: HostPort
  crash(message: string): void
  terminated(): boolean
} {
  const { port1, port2 } = new MessageChannel()
  let onCrash: (message: string) => void = () => {}
  let terminated = false
  return {
    main: {
      post: (message, transfer) => port1.postMessage(message, transfer as ArrayBuffer[]),
      onMessage: (listener) => {
        port1.on('message', listener)
      },
      onCrash: (listener) => {
        onCrash = listener
      },
      terminate: () => {
        terminated = true
        port1.close()
      },
    },
    host: {
      post: (message, transfer) => port2.postMessage(message, transfer as ArrayBuffer[]),
      onMessage: (listener) => {
        port2.on('message', listener)
      },
    },
    crash: (message) => onCrash(message),
    terminated: () => terminated,
  }
}
