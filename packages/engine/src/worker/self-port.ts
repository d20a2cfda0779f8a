import type { HostPort } from './port.ts'

/** The port of the Worker that this code runs in. */
export function selfPort(): HostPort {
  return {
    post: (message, transfer) => self.postMessage(message, { transfer: [...transfer] }),
    onMessage: (listener) => {
      self.onmessage = (event: MessageEvent<unknown>) => listener(event.data)
    },
  }
}
