import type { Page } from 'playwright'

declare global {
  var relayPortFor: ((address: string, port: number, ufrag: string) => Promise<number | undefined>) | undefined
  var relayOwn: ((ufrag: string) => Promise<void>) | undefined
}

/** What a page's candidates are rewritten with: a UdpRelay, or a device's seat in a RelayNetwork. */
export interface RelaySeat {
  /** The page is about to signal this ICE user name. */
  own?(ufrag: string): void
  /** The port on 127.0.0.1 that stands for a remote address; undefined drops the candidate. */
  portFor(address: string, port: number, ufrag?: string): Promise<number | undefined>
}

/**
 * Sends every WebRTC connection of the page through the relay: remote candidates, alone or inside a description, are
 * rewritten to the relay's ports before the browser sees them. Call before the page loads.
 */
export async function throughRelay(page: Page, relay: RelaySeat): Promise<void> {
  await page.exposeFunction('relayPortFor', (address: string, port: number, ufrag: string) =>
    relay.portFor(address, port, ...(ufrag === '' ? [] : [ufrag])),
  )
  await page.exposeFunction('relayOwn', (ufrag: string) => relay.own?.(ufrag))
  // esbuild marks functions with a helper that the page does not have.
  await page.addInitScript('globalThis.__name ??= (f) => f')
  await page.addInitScript(rewriteCandidates)
}

/** Runs in the page. */
function rewriteCandidates(): void {
  // candidate:FOUNDATION COMPONENT udp PRIORITY ADDRESS PORT typ host ...
  const pattern = /^(?:a=)?candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ/i
  const ufragOf = (sdp: string | undefined): string => /^a=ice-ufrag:(\S+)/m.exec(sdp ?? '')?.[1] ?? ''
  const rewrite = async (line: string, ufrag: string): Promise<string | undefined> => {
    const match = pattern.exec(line)
    if (match === null) return line
    const [, protocol = '', address = '', port = ''] = match
    // TCP has no relay here, and IPv6 would go around it.
    if (protocol.toLowerCase() !== 'udp' || address.includes(':')) return undefined
    const relayed = await globalThis.relayPortFor?.(address, Number(port), ufrag)
    return relayed === undefined || relayed === null
      ? undefined
      : line.replace(` ${address} ${port} typ`, ` 127.0.0.1 ${relayed} typ`)
  }
  // The promise forms, without the old ones with callbacks.
  const native = RTCPeerConnection.prototype as {
    addIceCandidate(candidate: RTCIceCandidateInit): Promise<void>
    setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void>
    setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>
  }
  const { addIceCandidate, setLocalDescription, setRemoteDescription } = native
  RTCPeerConnection.prototype.addIceCandidate = async function (candidate?: RTCIceCandidateInit | null) {
    if (candidate?.candidate === undefined || candidate.candidate === '') return
    const ufrag = candidate.usernameFragment ?? ufragOf(this.remoteDescription?.sdp)
    const line = await rewrite(candidate.candidate, ufrag)
    if (line === undefined) return
    const { sdpMid, sdpMLineIndex } = candidate
    await addIceCandidate.call(this, { candidate: line, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null })
  }
  RTCPeerConnection.prototype.setLocalDescription = async function (description?: RTCLocalSessionDescriptionInit) {
    // Known to the network before anybody else learns it.
    if (description?.sdp !== undefined) await globalThis.relayOwn?.(ufragOf(description.sdp))
    await setLocalDescription.call(this, description)
    if (description?.sdp === undefined) await globalThis.relayOwn?.(ufragOf(this.localDescription?.sdp))
  }
  RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
    const ufrag = ufragOf(description.sdp)
    const lines = await Promise.all((description.sdp ?? '').split('\r\n').map((line) => rewrite(line, ufrag)))
    const sdp = lines.filter((line) => line !== undefined).join('\r\n')
    await setRemoteDescription.call(this, { type: description.type, sdp })
  }
}
