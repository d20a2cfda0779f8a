import type { Topology } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRoom } from '../room-file.ts'
import { DEFAULT_HYSTERESIS, initialReplanState, type ReplanState, replan, worthSwitching } from './replanning.ts'

function room(
  values: { mbit?: number; rtt?: number; load?: number; speed?: number; visible?: boolean } = {},
): Topology {
  return readRoom({
    initiator: 'phone',
    devices: [
      { id: 'phone', gmacsPerSecond: 1.5 },
      {
        id: 'laptop',
        gmacsPerSecond: values.speed ?? 12,
        load: values.load ?? 0.1,
        visible: values.visible ?? true,
      },
    ],
    links: [{ a: 'phone', b: 'laptop', mbitPerSecond: values.mbit ?? 100, rttMs: values.rtt ?? 4 }],
  }).topology
}

const planned = (topology: Topology, atMs = 0): ReplanState => replan(initialReplanState, topology, atMs).state

describe('replanning', () => {
  it('plans first, then only beyond hysteresis', () => {
    expect(replan(initialReplanState, room(), 0).reason).toBe('first')
    const state = planned(room())
    expect(replan(state, room({ mbit: 110, rtt: 6, load: 0.2, speed: 13 }), 10_000).reason).toBeUndefined()
    expect(replan(state, room({ mbit: 40 }), 10_000).reason).toBe('link')
    expect(replan(state, room({ load: 0.5 }), 10_000).reason).toBe('load')
    expect(replan(state, room({ speed: 6 }), 10_000).reason).toBe('speed')
  })

  it('plans anew once a device has measured its operators one by one', () => {
    const before = room()
    const devices = before.devices.map((device) => ({
      ...device,
      backends: device.backends.map((speed) => ({ ...speed, coefficients: { conv: [160, 0, 0, 0, 0, 0] } })),
    }))
    const state = planned(before)
    expect(replan(state, { ...before, devices }, 10_000).reason).toBe('speed')
    expect(replan(planned({ ...before, devices }), { ...before, devices }, 10_000).reason).toBeUndefined()
  })

  it('waits for the pause, but not when a device is gone', () => {
    const state = planned(room(), 1_000)
    expect(replan(state, room({ mbit: 10 }), 2_000).reason).toBeUndefined()
    expect(replan(state, room({ visible: false }), 1_001).reason).toBe('leave')
  })

  it('counts a slow drift, because it compares with what was planned for', () => {
    let state = planned(room({ mbit: 100 }))
    let plans = 0
    for (let i = 1; i <= 100; i++) {
      const decision = replan(state, room({ mbit: 100 - i * 0.8 }), i * 10_000)
      state = decision.state
      if (decision.reason !== undefined) plans++
    }
    expect(plans).toBeGreaterThan(2)
    expect(plans).toBeLessThan(10)
  })

  it('never flaps: jitter inside half the hysteresis around any room never asks for a second plan', () => {
    const jitter = fc.double({ min: -1, max: 1, noNaN: true })
    const walk = fc.array(fc.tuple(jitter, jitter, jitter, jitter), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(fc.double({ min: 5, max: 500, noNaN: true }), walk, (mbit, steps) => {
        const { link, load, speed } = DEFAULT_HYSTERESIS
        const at = ([a, b, c, d]: readonly [number, number, number, number]) =>
          room({
            mbit: mbit * (1 + (a * link) / 2.5),
            rtt: 4 + 2 * b,
            load: 0.3 + (c * load) / 2,
            speed: 12 * (1 + (d * speed) / 2.5),
          })
        let state = planned(room({ mbit, rtt: 4, load: 0.3, speed: 12 }))
        for (const [index, step] of steps.entries()) {
          const decision = replan(state, at(step), (index + 1) * 60_000)
          expect(decision.reason).toBeUndefined()
          state = decision.state
        }
      }),
      { seed: 6, numRuns: 100 },
    )
  })

  it('never plans more often than once per pause while nobody leaves, whatever happens', () => {
    const snapshot = fc.record({
      mbit: fc.double({ min: 1, max: 1000, noNaN: true }),
      load: fc.double({ min: 0, max: 1, noNaN: true }),
      speed: fc.double({ min: 0.1, max: 100, noNaN: true }),
      afterMs: fc.integer({ min: 1, max: 2_000 }),
    })
    fc.assert(
      fc.property(fc.array(snapshot, { maxLength: 60 }), (snapshots) => {
        let state = planned(room())
        let nowMs = 0
        let plans = 0
        for (const { afterMs, ...values } of snapshots) {
          nowMs += afterMs
          const decision = replan(state, room(values), nowMs)
          state = decision.state
          if (decision.reason !== undefined) plans++
        }
        expect(plans).toBeLessThanOrEqual(Math.ceil(nowMs / DEFAULT_HYSTERESIS.pauseMs))
      }),
      { seed: 7, numRuns: 100 },
    )
  })

  it('switches only for a clear gain, and always away from a plan that no longer works', () => {
    expect(worthSwitching(100, 97)).toBe(false)
    expect(worthSwitching(100, 90)).toBe(true)
    expect(worthSwitching(Number.POSITIVE_INFINITY, 400)).toBe(true)
    expect(worthSwitching(100, Number.POSITIVE_INFINITY)).toBe(false)
  })
})
