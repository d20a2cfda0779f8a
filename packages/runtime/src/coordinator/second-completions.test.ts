import { type DeviceId, deviceId } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { SecondCompletions } from './second-completions.ts'

describe('second completions', () => {
  it('are one at a time', () => {
    const seconds = new SecondCompletions()
    const [one, two] = [{}, {}]
    expect(seconds.take(one, false)).toBe(true)
    expect(seconds.take(two, false)).toBe(false)
    expect(seconds.take(two, true)).toBe(false)
    // Who has the turn may need a third device, but only when its time runs out.
    expect(seconds.take(one, false)).toBe(false)
    expect(seconds.take(one, true)).toBe(true)
    seconds.release(two)
    expect(seconds.take(two, false)).toBe(false)
    seconds.release(one)
    expect(seconds.take(two, false)).toBe(true)
  })

  it('stop while nearly every answer is late, but for requests whose time runs out, and come back with answers in time', () => {
    const seconds = new SecondCompletions()
    const started = () => {
      const request = {}
      const may = seconds.take(request, false)
      seconds.release(request)
      return may
    }
    expect(Array.from({ length: 20 }, started).filter(Boolean)).toHaveLength(5)
    const urgent = {}
    expect(seconds.take(urgent, true)).toBe(true)
    seconds.release(urgent)
    for (let i = 0; i < 3; i++) seconds.inTime()
    expect(started()).toBe(true)
    expect(started()).toBe(false)
  })

  it('cost nothing where the device that was waited for is dead, and once at most', () => {
    const seconds = new SecondCompletions()
    const started = (device: DeviceId) => {
      const request = {}
      const may = seconds.take(request, false, [device])
      seconds.release(request)
      return may
    }
    for (let i = 0; i < 30; i++) {
      const dead = deviceId(`dead ${i}`)
      expect(started(dead)).toBe(true)
      seconds.justified(dead)
    }
    const slow = deviceId('slow')
    for (let i = 0; i < 5; i++) expect(started(slow)).toBe(true)
    seconds.inTime([slow])
    seconds.justified(slow)
    expect([started(slow), started(slow)]).toEqual([true, false])
  })
})
