/**
 * Extra time that a congestion window in slow start costs a message on an idle link (RFC 9260 section 7.2.1: the window
 * starts small and doubles each round trip). Rounds in which the window is smaller than bandwidth x RTT leave the link
 * idle for the rest of the round trip; that idle time is the result, in milliseconds.
 *
 * `windowBytes` is the first window (10 packets of 1200 bytes in dcSCTP); Infinity switches the effect off.
 */
export function startWindowDelayMs(
  messageBytes: number,
  link: { rttMs: number; bytesPerMs: number; windowBytes: number },
): number {
  let left = messageBytes
  let window = link.windowBytes
  let idleMs = 0
  while (left > window && window < link.rttMs * link.bytesPerMs) {
    left -= window
    idleMs += link.rttMs - window / link.bytesPerMs
    window *= 2
  }
  return idleMs
}
