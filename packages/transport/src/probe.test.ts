import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import type { PeerLink } from './peer-link.ts'
import { BRIEF_BURSTS, type ProbeExpectation, probeLink, THOROUGH_BURSTS } from './probe.ts'

/** A peer that answers probes after `rttMs` and the time that their bytes take. */
function peer(rttMs: number, mbitPerSecond: number) {
  const clock = new VirtualClock()
  const moved = { in: 0, out: 0 }
  const request = async (_: 'probe', body: { replyBytes: number; blobs?: readonly Uint8Array[] }) => {
    const out = body.blobs?.[0]?.byteLength ?? 0
    moved.in += body.replyBytes
    moved.out += out
    const tookMs = rttMs + ((body.replyBytes + out) * 8) / (mbitPerSecond * 1000)
    await new Promise<void>((resolve) => clock.after(tookMs, resolve))
    return body.replyBytes === 0 ? {} : { blobs: [new Uint8Array(body.replyBytes)] }
  }
  const probe = async (options: Parameters<typeof probeLink>[2]) => {
    const probing = probeLink({ request } as unknown as PeerLink, clock, options)
    await clock.advance(60_000)
    return probing
  }
  return { probe, moved }
}

const expecting = (mostRttMs: number, mbit: number): ProbeExpectation => ({
  mostRttMs,
  receiveMbitPerSecond: mbit,
  sendMbitPerSecond: mbit,
})
const SUM = BRIEF_BURSTS.reduce((sum, bytes) => sum + bytes, 0)

describe('a probe of a link', () => {
  it('measures round trip and both rates', async () => {
    const { probe, moved } = peer(4, 100)
    const result = await probe({ bursts: THOROUGH_BURSTS })
    expect(result?.rttMs).toBeCloseTo(4)
    expect(result?.receiveMbitPerSecond).toBeCloseTo(100)
    expect(result?.sendMbitPerSecond).toBeCloseTo(100)
    expect(moved.in).toBe(moved.out)
  })

  it('sends nothing large to a peer that answers slower than expected', async () => {
    const { probe, moved } = peer(40, 100)
    expect(await probe({ expected: expecting(21, 100) })).toBeUndefined()
    expect(moved).toEqual({ in: 0, out: 0 })
  })

  it('keeps what was known where the first burst confirms it, and sends larger ones where it does not', async () => {
    const same = peer(4, 100)
    expect((await same.probe({ expected: expecting(21, 90) }))?.sendMbitPerSecond).toBe(90)
    expect(same.moved).toEqual({ in: BRIEF_BURSTS[0], out: BRIEF_BURSTS[0] })
    const changed = peer(4, 30)
    expect((await changed.probe({ expected: expecting(21, 80) }))?.sendMbitPerSecond).toBeCloseTo(30)
    expect(changed.moved).toEqual({ in: SUM, out: SUM })
  })
})
