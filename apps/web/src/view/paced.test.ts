import { describe, expect, it } from 'vitest'
import { type DrawingShare, paced } from './paced.ts'

const SHARE: DrawingShare = { first: 0.1, steady: 0.03 }

/** A browser whose frames take `drawMs`. */
function browser(drawMs: number) {
  let nowMs = 0
  const timers: { readonly atMs: number; readonly callback: () => void }[] = []
  const after = (ms: number, callback: () => void) => {
    timers.push({ atMs: nowMs + ms, callback })
  }
  return {
    pacing: { now: () => nowMs, after, drawn: (callback: () => void) => after(drawMs, callback) },
    runUntil(untilMs: number) {
      for (;;) {
        const due = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (due === undefined) break
        timers.splice(timers.indexOf(due), 1)
        nowMs = due.atMs
        due.callback()
      }
      nowMs = untilMs
    },
  }
}

describe('paced drawing', () => {
  it('shows the first value at once, then the newest at a tenth of the time, and at three hundredths while changes go on', () => {
    const { pacing, runUntil } = browser(20)
    const shown: number[] = []
    const show = paced((value: number) => shown.push(value), pacing, SHARE)
    for (let atMs = 0; atMs < 10_000; atMs += 5) {
      runUntil(atMs)
      show(atMs)
    }
    runUntil(12_000)
    expect(shown[0]).toBe(0)
    const early = shown.filter((atMs) => atMs < 1000)
    expect(early.length).toBeGreaterThanOrEqual(3)
    expect(early.length).toBeLessThanOrEqual(5)
    // The last value comes once more, whole, when changes have ended.
    const late = [...new Set(shown)].filter((atMs) => atMs >= 5000)
    // A pause lasts half a second at most before it grows.
    expect(late.length).toBeGreaterThanOrEqual(7)
    expect(late.length).toBeLessThanOrEqual(8)
    expect(shown.at(-1)).toBe(9995)
  })

  it('counts a quick drawing as a whole frame', () => {
    const { pacing, runUntil } = browser(1)
    const shown: number[] = []
    const show = paced((value: number) => shown.push(value), pacing, SHARE)
    show(1)
    show(2)
    runUntil(144)
    expect(shown).toEqual([1])
    runUntil(146)
    expect(shown).toEqual([1, 2])
  })

  it('waits half a second at most, however slow drawing is', () => {
    const { pacing, runUntil } = browser(400)
    const shown: number[] = []
    const show = paced((value: number) => shown.push(value), pacing, SHARE)
    show(1)
    show(2)
    runUntil(899)
    expect(shown).toEqual([1])
    runUntil(900)
    expect(shown).toEqual([1, 2])
  })

  it('draws every two seconds at least while changes never end, and soon again after a rest', () => {
    const { pacing, runUntil } = browser(400)
    const shown: number[] = []
    const show = paced((value: number) => shown.push(value), pacing, SHARE)
    for (let atMs = 0; atMs < 30_000; atMs += 50) {
      runUntil(atMs)
      show(atMs)
    }
    const late = shown.filter((atMs) => atMs >= 15_000)
    expect(late.length).toBeGreaterThanOrEqual(6)
    expect(late.length).toBeLessThanOrEqual(7)
    runUntil(60_000)
    const before = shown.length
    show(1)
    show(2)
    runUntil(60_900)
    expect(shown.length).toBe(before + 2)
  })

  it('draws the whole with the first value, with every second one, and with the last one once changes have ended', () => {
    const { pacing, runUntil } = browser(20)
    const shown: [number, boolean][] = []
    const show = paced((value: number, whole) => shown.push([value, whole]), pacing, SHARE)
    for (let atMs = 0; atMs < 2_000; atMs += 5) {
      runUntil(atMs)
      show(atMs)
    }
    runUntil(6_000)
    expect(shown.slice(0, 4).map(([, whole]) => whole)).toEqual([true, false, true, false])
    expect(shown.at(-1)).toEqual([1995, true])
    const before = shown.length
    runUntil(20_000)
    expect(shown.length).toBe(before)
    show(1)
    expect(shown.at(-1)).toEqual([1, true])
  })
})
