import { describe, expect, it } from 'vitest'
import { HeartbeatMonitor } from './heartbeat-monitor.ts'

function hear(monitor: HeartbeatMonitor, sequences: Iterable<number>, rttMs = 10, receivedBytes = 0): void {
  for (const sequence of sequences) {
    const sentAtMs = sequence * 200
    const beat = { sequence, intervalMs: 200, sentAtMs, echoSentAtMs: sentAtMs - rttMs, echoHeldMs: 0 }
    monitor.beat(sentAtMs, beat, receivedBytes)
  }
}

const upTo = (from: number, until: number) => Array.from({ length: until - from }, (_, index) => from + index)

describe('a way that loses nothing', () => {
  it('is known by 300 beats in a row, and no longer after one is lost', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 300))
    expect(monitor.isLossy).toBe(true)
    hear(monitor, [300])
    expect(monitor.isLossy).toBe(false)
    hear(monitor, upTo(302, 601))
    expect(monitor.isLossy).toBe(true)
    hear(monitor, upTo(601, 603))
    expect(monitor.isLossy).toBe(false)
  })

  it('is not known by a lucky run: of the last thousand beats one at most was lost', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 500))
    hear(monitor, upTo(501, 600))
    hear(monitor, upTo(601, 1500))
    expect(monitor.isLossy).toBe(true)
    hear(monitor, upTo(1500, 1502))
    expect(monitor.isLossy).toBe(false)
  })

  it('is taken for granted on a way of less than 2 ms until it loses a beat', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 3), 1)
    expect(monitor.isLossy).toBe(false)
    hear(monitor, [4], 1)
    expect(monitor.isLossy).toBe(true)
    hear(monitor, [3], 1)
    expect(monitor.isLossy).toBe(false)
    hear(monitor, [6], 1)
    expect(monitor.isLossy).toBe(true)
  })

  it('may let beats overtake each other: a late one is not lost', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 400))
    const { allowanceMs } = monitor
    for (let from = 400; from < 1000; from += 3) hear(monitor, [from + 2, from, from + 1])
    expect(monitor.isLossy).toBe(false)
    expect(monitor.isSteady).toBe(true)
    expect(monitor.allowanceMs).toBeLessThan(allowanceMs * 1.1)
  })

  it('counts what comes twice once', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, [...upTo(0, 401), 402, 402, 399, 401, 401])
    expect(monitor.isLossy).toBe(false)
    hear(monitor, [405, 405, 404])
    expect(monitor.isLossy).toBe(true)
  })
})

describe('a sound way', () => {
  it('has lost none of 50 beats, or two at most of 128', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 50))
    expect(monitor.isSound).toBe(false)
    hear(monitor, [50])
    expect(monitor.isSound).toBe(true)
    hear(monitor, [52])
    expect(monitor.isSound).toBe(false)
    hear(monitor, upTo(53, 90))
    hear(monitor, upTo(91, 128))
    expect(monitor.isSound).toBe(false)
    hear(monitor, [128])
    expect(monitor.isSound).toBe(true)
    hear(monitor, [130])
    expect(monitor.isSound).toBe(false)
    hear(monitor, upTo(131, 179))
    expect(monitor.isSound).toBe(false)
    // The first of the three is no longer among them.
    hear(monitor, [179])
    expect(monitor.isSound).toBe(true)
  })

  it('remembers what was lost when a later beat was overtaken only', () => {
    const monitor = new HeartbeatMonitor(0)
    const lost = new Set([100, 110, 120])
    hear(
      monitor,
      upTo(0, 131).filter((sequence) => !lost.has(sequence)),
    )
    hear(monitor, [132, 131])
    expect(monitor.isSound).toBe(false)
    expect(monitor.isLossy).toBe(true)
    for (let from = 133; from < 430; from += 3) hear(monitor, [from + 2, from, from + 1])
    // None of 300 since, but three of the last thousand.
    expect(monitor.isLossy).toBe(true)
    expect(monitor.isSound).toBe(true)
  })
})

describe('a near way', () => {
  it('stays one while beats are lost in crowds only', () => {
    const monitor = new HeartbeatMonitor(0)
    hear(monitor, upTo(0, 3), 10)
    expect(monitor.isNear).toBe(false)
    hear(monitor, [3], 1)
    expect(monitor.isNear).toBe(true)
    hear(monitor, [5], 10, 60_000)
    expect(monitor.isNear).toBe(true)
    expect(monitor.isLossy).toBe(true)
    hear(monitor, upTo(6, 16), 10, 80_000)
    hear(monitor, [17], 10, 80_000)
    expect(monitor.isNear).toBe(false)
    // It was late and not lost.
    hear(monitor, [16], 10, 80_000)
    expect(monitor.isNear).toBe(true)
    hear(monitor, [19], 10, 80_000)
    hear(monitor, upTo(20, 400), 1, 80_000)
    expect(monitor.isNear).toBe(false)
  })
})
