import type { Page } from 'playwright'
import type { UdpRelay } from './udp-relay.ts'

declare global {
  var relayPortFor: ((address: string, port: number) => Promise<number>) | undefined
}

/**
 * Sends every WebRTC connection of the page through the relay: remote candidates, alone or inside a description, are
 * rewritten to the relay's ports before the browser sees them. Call before the page loads.
 */
export async function throughRelay(page: Page, relay: UdpRelay): Promise<void> {
  await page.exposeFunction('relayPortFor', (address: string, port: number) => relay.portFor(address, port))
  // esbuild marks functions with a helper that the page does not have.
  await page.addInitScript('globalThis.__name ??= (f) => f')
  await page.addInitScript(rewriteCandidates)
}

/** Runs in the page. */
function rewriteCandidates(): void {
  // candidate:FOUNDATION COMPONENT udp PRIORITY ADDRESS PORT typ host ...
  const pattern = /^(?:a=)?candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ/i
  const rewrite = async (line: string): Promise<string | undefined> => {
    const match = pattern.exec(line)
    if (match === null) return line
    const [, protocol = '', address = '', port = ''] = match
    // TCP has no relay here, and IPv6 would go around it.
    if (protocol.toLowerCase() !== 'udp' || address.includes(':')) return undefined
    const relayed = await globalThis.relayPortFor?.(address, Number(port))
    return relayed === undefined ? undefined : line.replace(` ${address} ${port} typ`, ` 127.0.0.1 ${relayed} typ`)
  }
  // The promise forms, without the old ones with callbacks.
  const native = RTCPeerConnection.prototype as {
    addIceCandidate(candidate: RTCIceCandidateInit): Promise<void>
    setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>
  }
  const { addIceCandidate, setRemoteDescription } = native
  RTCPeerConnection.prototype.addIceCandidate = async function (candidate?: RTCIceCandidateInit | null) {
    if (candidate?.candidate === undefined || candidate.candidate === '') return
    const line = await rewrite(candidate.candidate)
    if (line === undefined) return
    const { sdpMid, sdpMLineIndex } = candidate
    await addIceCandidate.call(this, { candidate: line, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null })
  }
  RTCPeerConnection.prototype.setRemoteDescription = async function (description: RTCSessionDescriptionInit) {
    const lines = await Promise.all((description.sdp ?? '').split('\r\n').map(rewrite))
    const sdp = lines.filter((line) => line !== undefined).join('\r\n')
    await setRemoteDescription.call(this, { type: description.type, sdp })
  }
}
