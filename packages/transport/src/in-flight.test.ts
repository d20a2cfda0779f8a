import { describe, expect, it } from 'vitest'
import { InFlight } from './in-flight.ts'

describe('InFlight', () => {
  it('adds up what comes at once, lets time carry it, and forgets it with an answer', () => {
    const inFlight = new InFlight()
    expect(inFlight.bytes).toBe(0)
    inFlight.add(0, 4000)
    inFlight.add(1, 4000)
    expect(inFlight.bytes).toBe(7000)
    inFlight.add(100, 500)
    expect(inFlight.bytes).toBe(500)
    inFlight.answered()
    inFlight.add(100, 300)
    expect(inFlight.bytes).toBe(300)
  })
})
