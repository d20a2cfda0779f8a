import { VirtualClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { QuietBuild } from './quiet-build.ts'

describe('a build in quiet moments', () => {
  const never = new AbortController().signal

  function setup(stepMs = 0) {
    const clock = new VirtualClock()
    const activity = { busy: false, endedMs: 0 }
    const idleMs = () => (activity.busy ? 0 : clock.now() - activity.endedMs)
    return { clock, activity, build: new QuietBuild({ clock, idleMs, stepMs }) }
  }

  it('waits until nothing has been asked for a while, twice as long as a step takes', async () => {
    const { clock, build } = setup(300)
    await clock.runUntil(build.next(never))
    expect(clock.now()).toBe(600)
    await clock.advance(500)
    await clock.runUntil(build.next(never))
    // The step has taken 500 ms, and 1,100 ms of quiet are enough.
    expect(clock.now()).toBe(1100)
  })

  it('starts over when something is asked meanwhile', async () => {
    const { clock, activity, build } = setup()
    const turn = build.next(never)
    await clock.advance(150)
    activity.busy = true
    await clock.advance(1000)
    activity.busy = false
    activity.endedMs = clock.now()
    await clock.runUntil(turn)
    expect(clock.now()).toBe(1350)
  })

  it('takes a step now and then under steady load', async () => {
    const { clock, activity, build } = setup()
    activity.busy = true
    await clock.runUntil(build.next(never))
    expect(clock.now()).toBe(10_000)
    await clock.advance(1000)
    await clock.runUntil(build.next(never))
    expect(clock.now()).toBe(31_000)
  })

  it('goes on at once when somebody waits for it', async () => {
    const { clock, activity, build } = setup()
    activity.busy = true
    const turn = build.next(never)
    await clock.advance(100)
    build.hurry()
    await turn
    await build.next(never)
    expect([clock.now(), clock.pending]).toEqual([100, 0])
  })

  it('ends with its signal and leaves no timer behind', async () => {
    const { clock, activity, build } = setup()
    activity.busy = true
    const stop = new AbortController()
    const turn = build.next(stop.signal)
    stop.abort(new Error('stop'))
    await expect(turn).rejects.toThrow('stop')
    expect(clock.pending).toBe(0)
  })
})
