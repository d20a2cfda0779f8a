import { beforeEach, describe, expect, it } from 'vitest'
import { type PressureObserverType, type PressureRecord, watchPressure } from './pressure.ts'

/** A browser's observer, driven by the test. */
class FakeObserver {
  static last: FakeObserver | undefined
  static refuse = false
  watching = true
  readonly #onRecords: (records: readonly PressureRecord[]) => void

  constructor(onRecords: (records: readonly PressureRecord[]) => void) {
    this.#onRecords = onRecords
    FakeObserver.last = this
  }

  async observe(): Promise<void> {
    if (FakeObserver.refuse) throw new DOMException('not here', 'NotAllowedError')
  }

  disconnect(): void {
    this.watching = false
  }

  tell(state: string, times = 1, own?: number): void {
    for (let i = 0; i < times; i++) {
      this.#onRecords([{ state, ...(own === undefined ? {} : { ownContributionEstimate: own }) }])
    }
  }
}

const observer: PressureObserverType = FakeObserver

function watch(busy: () => boolean = () => false) {
  const loads: number[] = []
  const ended = new AbortController()
  watchPressure({ busy, onLoad: (load) => loads.push(load), observer }, ended.signal)
  return { loads, ended, source: FakeObserver.last as FakeObserver }
}

describe('watchPressure', () => {
  beforeEach(() => {
    FakeObserver.last = undefined
    FakeObserver.refuse = false
  })

  it('tells a load once it holds, and when it is over', () => {
    const { loads, source } = watch()
    source.tell('serious', 2)
    source.tell('fair')
    expect(loads).toEqual([])
    source.tell('serious', 5)
    expect(loads).toEqual([0.75])
    source.tell('nominal', 3)
    expect(loads).toEqual([0.75, 0])
  })

  it('does not take the page’s own work for that of others', () => {
    let busy = true
    const { loads, source } = watch(() => busy)
    source.tell('critical', 10)
    expect(loads).toEqual([])
    busy = false
    source.tell('critical', 3)
    expect(loads).toEqual([0.9])
  })

  it('takes off the page’s own contribution where the browser estimates it', () => {
    const { loads, source } = watch(() => true)
    source.tell('serious', 3, 0.8)
    expect(loads).toHaveLength(1)
    expect(loads[0]).toBeCloseTo(0.15, 6)
  })

  it('ignores states that it does not know', () => {
    const { loads, source } = watch()
    source.tell('toasty', 5)
    expect(loads).toEqual([])
  })

  it('ends with its signal, and does without an observer or where it is refused', async () => {
    const { loads, ended, source } = watch()
    ended.abort()
    source.tell('critical', 5)
    expect(source.watching).toBe(false)
    expect(loads).toEqual([])
    FakeObserver.refuse = true
    expect(watch().loads).toEqual([])
    await Promise.resolve()
    expect(() => watchPressure({ busy: () => false, onLoad: () => {} }, new AbortController().signal)).not.toThrow()
  })
})
