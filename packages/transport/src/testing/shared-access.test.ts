import { deviceId, seededRandom, VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { createMemoryNetwork } from './memory-network.ts'
import { bareProfile } from './room-contract.ts'

const IDS = ['a', 'b', 'c'] as const

/** Arrival times of a 125,000-byte blob (10 ms at 100 Mbit/s) on each of the given ways, all sent at once. */
async function arrivals(access: 'per-link' | 'per-device', ways: readonly [string, string][]): Promise<number[]> {
  const clock = new VirtualClock()
  const network = createMemoryNetwork({ clock, random: seededRandom(1), link: { rttMs: 0 }, access })
  const rooms = new Map(IDS.map((id) => [id as string, network.join(bareProfile(id))]))
  await clock.advance(100)
  const startMs = clock.now()
  const seen: number[] = []
  network.onDelivered(({ message }) => {
    if (message.type === 'notice') seen.push(clock.now() - startMs)
  })
  for (const [from, to] of ways) {
    const body = { requestId: 'r', planId: 'p', exit: 'final', confident: true }
    void rooms
      .get(from)
      ?.notify(deviceId(to), 'result', { ...body, blobs: [new Uint8Array(125_000)] } as never, { timeoutMs: 5000 })
  }
  await clock.advance(100)
  return seen.map((ms) => Math.round(ms))
}

describe('the way of a device into the network', () => {
  it('is each link’s own by default', async () => {
    expect(
      await arrivals('per-link', [
        ['a', 'b'],
        ['a', 'c'],
      ]),
    ).toEqual([10, 10])
  })

  it('lets one message out after the other when it is shared', async () => {
    expect(
      await arrivals('per-device', [
        ['a', 'b'],
        ['a', 'c'],
      ]),
    ).toEqual([10, 20])
  })

  it('queues what comes in from two senders', async () => {
    expect(
      await arrivals('per-device', [
        ['a', 'c'],
        ['b', 'c'],
      ]),
    ).toEqual([10, 20])
  })

  it('carries both directions at once', async () => {
    expect(
      await arrivals('per-device', [
        ['a', 'b'],
        ['b', 'a'],
      ]),
    ).toEqual([10, 10])
  })
})
