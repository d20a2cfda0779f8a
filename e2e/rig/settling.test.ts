import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { settled } from './settling.ts'

/** A device that uses a whole core in the stated spans of time, in ms. */
function working(clock: VirtualClock, ...spans: readonly (readonly [from: number, to: number])[]) {
  const within = ([from, to]: readonly [number, number]) => Math.max(0, Math.min(clock.now(), to) - from)
  return { cpuTimeMs: () => spans.reduce((sum, span) => sum + within(span), 0) }
}

describe('settled', () => {
  it('waits for a time in which all devices are quiet', async () => {
    const clock = new VirtualClock()
    const devices = [working(clock, [0, 250], [500, 900]), working(clock, [250, 500])]
    expect(await clock.runUntil(settled(devices, { quietMs: 250 }, clock))).toBe(true)
    expect(clock.now()).toBe(1_250)
  })

  it('says when it did not come to that in time', async () => {
    const clock = new VirtualClock()
    const devices = [working(clock), working(clock, [0, 60_000])]
    expect(await clock.runUntil(settled(devices, { quietMs: 250, timeoutMs: 1_000 }, clock))).toBe(false)
    expect(clock.now()).toBe(1_000)
  })

  it('takes twice the time for enough where CPU time cannot be read', async () => {
    const clock = new VirtualClock()
    expect(await clock.runUntil(settled([{ cpuTimeMs: () => undefined }], { quietMs: 250 }, clock))).toBe(true)
    expect(clock.now()).toBe(500)
  })
})
