import { VirtualClock } from '@roomful/core'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Pulse } from './pulse.ts'

/** Notes when it is woken; always wants the next call `wantedMs` later. */
function member(wantedMs: number) {
  const wakes: number[] = []
  return {
    wakes,
    tick(nowMs: number) {
      wakes.push(nowMs)
      return nowMs + wantedMs
    },
  }
}

describe('pulse', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('wakes all members with one timer, five times a second while nobody wants more', async () => {
    const clock = new VirtualClock()
    const pulse = new Pulse(clock)
    const members = [member(1000), member(2000), member(1e9)]
    await clock.advance(130)
    for (const one of members) pulse.join(one)
    expect(clock.pending).toBe(1)
    await clock.advance(870)
    for (const { wakes } of members) expect(wakes).toEqual([200, 400, 600, 800, 1000])
  })

  it('wakes at the next tenth of a second after what the most impatient member wants', async () => {
    const clock = new VirtualClock()
    const pulse = new Pulse(clock)
    const [calm, eager] = [member(1e9), member(50)]
    pulse.join(calm)
    const leave = pulse.join(eager)
    await clock.advance(500)
    expect(calm.wakes).toEqual([200, 300, 400, 500])
    leave()
    await clock.advance(500)
    expect(calm.wakes.slice(4)).toEqual([600, 800, 1000])
    expect(eager.wakes).toHaveLength(4)
  })

  it('tells how late it comes', async () => {
    const clock = new VirtualClock()
    let stallMs = 0
    const pulse = new Pulse({ now: () => clock.now() + stallMs, after: clock.after.bind(clock) })
    const lates: number[] = []
    pulse.join({
      tick: (nowMs, lateMs) => {
        lates.push(lateMs)
        return nowMs + 1000
      },
    })
    await clock.advance(100)
    stallMs = 750
    await clock.advance(300)
    expect(lates).toEqual([750, 0])
  })

  it('goes on when a member throws, for the others too, and stops when the last one leaves, even while it is woken', async () => {
    const thrown: unknown[] = []
    vi.stubGlobal('queueMicrotask', (task: () => void) => {
      try {
        task()
      } catch (error) {
        thrown.push(error)
      }
    })
    const clock = new VirtualClock()
    const pulse = new Pulse(clock)
    let calls = 0
    const leave = pulse.join({
      tick: () => {
        calls++
        if (calls === 1) throw new Error('broken')
        leave()
        return 0
      },
    })
    const other = member(100)
    const leaveToo = pulse.join(other)
    await clock.advance(1000)
    expect(calls).toBe(2)
    expect(thrown).toEqual([new Error('broken')])
    expect(other.wakes.length).toBeGreaterThan(calls)
    leaveToo()
    expect(clock.pending).toBe(0)
  })
})
