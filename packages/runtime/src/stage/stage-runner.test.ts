import { type DeviceId, deviceId, type Span, VirtualClock } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { describe, expect, it } from 'vitest'
import { FakeEngine } from '../testing/fake-engine.ts'
import type { PreparedStage } from './prepared-plan.ts'
import { StageRunner, type StageTask } from './stage-runner.ts'

const [a, b] = [deviceId('a'), deviceId('b')]
const SEGMENT_MS = 10

/** Segments of 10 ms, each of which adds one. */
async function setup() {
  const clock = new VirtualClock()
  const program = {
    inputs: ['x'],
    outputs: ['y'],
    costMs: SEGMENT_MS,
    buildMs: 0,
    run: ({ x }: Record<string, FeatureMap>) => ({ y: number(Number(x?.data[0]) + 1) }),
  }
  const engine = new FakeEngine({ clock, backend: 'ort-wasm', program: () => program })
  const session = await clock.runUntil(engine.load(new Uint8Array(1)))
  const lease = { session, engine, fetchedBytes: 0, warm: () => true, markWarm: () => {}, release: () => {} }
  const runner = new StageRunner({ self: a, clock, jobsPerInitiator: 8, onBusy: () => {} })
  const stage = (first: number, count: number): PreparedStage => ({
    backend: 'ort-wasm',
    from: `t${first}`,
    to: `t${first + count}`,
    segments: Array.from({ length: count }, (_, i) => ({
      lease,
      takes: [`t${first + i}`],
      gives: [`t${first + i + 1}`],
    })),
  })
  const spans: Span[] = []
  const task = (first: number, count: number, onOutput?: StageTask['onOutput']): StageTask => ({
    stage: stage(first, count),
    mark: { kind: 'compute', volume: first },
    onSpan: (span) => spans.push(span),
    ...(onOutput === undefined ? {} : { onOutput }),
  })
  const start = (owner: DeviceId, tasks: readonly StageTask[], signal = new AbortController().signal, request = 0) =>
    runner
      .run({ tasks, by: { owner, request }, input: number(0), keepInput: false, signal })
      .then(({ outputs: [map] }) => ({ value: Number(map?.data[0]), atMs: clock.now() }))
  return { clock, runner, task, start, spans }
}

const number = (value: number): FeatureMap => ({ dtype: 'float32', dims: [1], data: Float32Array.of(value) })

describe('the stage runner', () => {
  it('gives way to another initiator at the next session end, and then goes on where it was', async () => {
    const { clock, task, start, spans } = await setup()
    const long = start(a, [task(0, 6)])
    await clock.advance(SEGMENT_MS * 1.5)
    const short = start(b, [task(0, 1)])
    expect(await clock.runUntil(short)).toEqual({ value: 1, atMs: 3 * SEGMENT_MS })
    expect(await clock.runUntil(long)).toEqual({ value: 6, atMs: 7 * SEGMENT_MS })
    expect(spans.filter(({ kind }) => kind === 'compute')).toHaveLength(7)
    const waits = spans.filter(({ kind }) => kind === 'queue').map(({ startMs, endMs }) => endMs - startMs)
    expect(waits).toEqual([SEGMENT_MS / 2, SEGMENT_MS])
  })

  it('ends a request before a later one of the same initiator, and gives way to an earlier one', async () => {
    const { clock, task, start, spans } = await setup()
    const { signal } = new AbortController()
    const second = start(a, [task(0, 3)], signal, 2)
    await clock.advance(SEGMENT_MS * 0.5)
    const third = start(a, [task(0, 3)], signal, 3)
    const first = start(a, [task(0, 1)], signal, 1)
    expect(await clock.runUntil(first)).toEqual({ value: 1, atMs: 2 * SEGMENT_MS })
    expect(await clock.runUntil(second)).toEqual({ value: 3, atMs: 4 * SEGMENT_MS })
    expect(await clock.runUntil(third)).toEqual({ value: 3, atMs: 7 * SEGMENT_MS })
    // The one that gave way waited once, the last one from the start only.
    expect(spans.filter(({ kind }) => kind === 'queue')).toHaveLength(3)
  })

  it('leaves the engine to others at the end of the session under way when it is aborted', async () => {
    const { clock, task, start } = await setup()
    const stop = new AbortController()
    const long = start(a, [task(0, 6)], stop.signal)
    const outcome = expect(long).rejects.toThrow('confident')
    await clock.advance(SEGMENT_MS * 1.5)
    stop.abort(new Error('an exit was confident'))
    await outcome
    expect(await clock.runUntil(start(b, [task(0, 1)]))).toEqual({ value: 1, atMs: 3 * SEGMENT_MS })
  })

  it('tells what a stage gives while the next one runs, each with its own spans', async () => {
    const { clock, task, start, spans } = await setup()
    const told: (readonly [value: number, atMs: number])[] = []
    const tell = (map: FeatureMap) => told.push([Number(map.data[0]), clock.now()])
    const run = start(a, [task(0, 2, tell), task(2, 1, tell), task(3, 3)])
    expect(await clock.runUntil(run)).toEqual({ value: 6, atMs: 6 * SEGMENT_MS })
    expect(told).toEqual([
      [2, 2 * SEGMENT_MS],
      [3, 3 * SEGMENT_MS],
    ])
    expect(spans.map(({ volume, startMs }) => [volume, startMs / SEGMENT_MS])).toEqual([
      [0, 0],
      [0, 1],
      [2, 2],
      [3, 3],
      [3, 4],
      [3, 5],
    ])
  })
})
