/** Sees every RTCPeerConnection that the page opens, so that a test can cut one as a dying browser would. */
export function watchConnections(): { closeNewest(): void } {
  const Native = globalThis.RTCPeerConnection
  const opened: RTCPeerConnection[] = []
  class Watched extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      opened.push(this)
    }
  }
  globalThis.RTCPeerConnection = Watched
  return {
    closeNewest() {
      opened
        .filter((connection) => connection.connectionState === 'connected')
        .at(-1)
        ?.close()
    },
  }
}
