import { encodeMessage, type PeerMessage, Reassembler } from '@roomful/protocol'
import { describe, expect, it } from 'vitest'
import { FlowControlledChannel, type FlowLimits } from './flow-controlled-channel.ts'
import { TransportError } from './room.ts'
import { loopbackPair } from './testing/loopback.ts'

const limits: FlowLimits = {
  sliceBytes: 1024,
  longSliceBytes: 2048,
  burstBytes: 3072,
  shortRttMs: 10,
  highWaterBytes: 4096,
  highWaterMs: 1,
  fastHighWaterBytes: 8192,
  lowWaterBytes: 2048,
  queuedBytes: 1 << 20,
  queuedMessages: 16,
}

const message = (bytes: number) =>
  encodeMessage({
    type: 'notice',
    kind: 'cacheIndex',
    body: { added: [], removed: [], blobs: [new Uint8Array(bytes)] },
  } satisfies PeerMessage)

function setup(changed: Partial<FlowLimits> = {}) {
  const [here, there] = loopbackPair()
  const flow = new FlowControlledChannel(here, { ...limits, ...changed })
  const reassembler = new Reassembler()
  const arrived: number[] = []
  there.onMessage = (slice) => {
    const whole = reassembler.push(slice)
    if (whole !== undefined) arrived.push(whole.bytes.byteLength)
  }
  return { here, there, flow, reassembler, arrived }
}

const outcome = (work: Promise<void> | undefined): Promise<string> =>
  work === undefined
    ? Promise.resolve('at once')
    : work.then(
        () => 'sent',
        (error: unknown) => (error instanceof TransportError ? error.reason : String(error)),
      )

describe('flow-controlled channel', () => {
  it('hands a small message over at once', () => {
    const { flow, here } = setup()
    expect(flow.send(message(100), 'feature')).toBeUndefined()
    expect(here.waiting).toHaveLength(1)
  })

  it('parks above the high-water mark and resumes on drain', async () => {
    const { flow, here, arrived } = setup()
    const sent = outcome(flow.send(message(20_000), 'feature'))
    expect(here.bufferedAmount).toBeLessThanOrEqual(limits.highWaterBytes)
    expect(here.bufferedAmount).toBeGreaterThan(limits.lowWaterBytes)
    here.drain()
    expect(await sent).toBe('sent')
    expect(arrived).toHaveLength(1)
    expect(flow.queuedBytes).toBe(0)
  })

  it('cuts a large message into longer slices on a way that is known to be short', async () => {
    for (const { rttMs, bytes, longest, inStream = false } of [
      { rttMs: 2, bytes: 20_000, longest: 2048 },
      { rttMs: 2, bytes: 2500, longest: 1024 },
      { rttMs: 2, bytes: 2500, longest: 2048, inStream: true },
      { rttMs: 40, bytes: 2500, longest: 1024, inStream: true },
      { rttMs: 40, bytes: 20_000, longest: 1024 },
      { rttMs: undefined, bytes: 20_000, longest: 1024 },
    ]) {
      const [here, there] = loopbackPair()
      const flow = new FlowControlledChannel(here, limits, () => ({ rttMs, inStream }))
      const sizes: number[] = []
      there.onMessage = (slice) => sizes.push(slice.byteLength)
      const sent = outcome(flow.send(message(bytes), 'feature'))
      here.drain()
      expect(await sent).toMatch(/^(sent|at once)$/)
      expect(Math.max(...sizes)).toBe(longest)
    }
  })

  it('lets more wait on a fast way, as much time of it as on any other, within bounds', () => {
    for (const { mbitPerSecond, most } of [
      { mbitPerSecond: undefined, most: 4096 },
      { mbitPerSecond: 10, most: 4096 },
      { mbitPerSecond: 48, most: 6000 },
      { mbitPerSecond: 1000, most: 8192 },
    ]) {
      const [here] = loopbackPair()
      const flow = new FlowControlledChannel(here, limits, () => ({ mbitPerSecond }))
      void flow.send(message(20_000), 'feature')
      expect(here.bufferedAmount).toBeLessThanOrEqual(most)
      expect(here.bufferedAmount).toBeGreaterThan(most - limits.sliceBytes)
    }
  })

  it('lets control overtake features, and features overtake bulk', async () => {
    const { flow, here, arrived } = setup()
    const all = [
      flow.send(message(30_000), 'bulk'),
      flow.send(message(20_000), 'feature'),
      flow.send(message(10), 'control'),
    ]
    here.drain()
    await Promise.all(all)
    const sizes = arrived.map((bytes) => Math.round(bytes / 10_000))
    expect(sizes).toEqual([0, 2, 3])
  })

  it('does not starve bulk behind an endless stream of features', async () => {
    const { flow, here, arrived } = setup()
    const bulk = outcome(flow.send(message(5000), 'bulk'))
    for (let i = 0; i < 12; i++) void flow.send(message(10_000), 'feature')
    let slices = 0
    let done = false
    void bulk.then(() => {
      done = true
    })
    while (!done && slices < 200) {
      here.drain(1)
      slices++
      await Promise.resolve()
    }
    expect(done).toBe(true)
    expect(arrived.filter((bytes) => bytes > 9000).length).toBeLessThan(12)
  })

  it('keeps messages of one class in order', async () => {
    const { flow, here, arrived } = setup()
    const sizes = [5000, 200, 3000, 100, 7000]
    const all = sizes.map((bytes) => flow.send(message(bytes), 'feature'))
    here.drain()
    await Promise.all(all)
    const first = message(0).bytes
    expect(arrived.map((bytes) => Math.round((bytes - first) / 100) * 100)).toEqual(sizes)
  })

  it('drops what has not left on abort and makes the receiver forget the rest', async () => {
    const { flow, here, reassembler, arrived } = setup()
    const controller = new AbortController()
    const aborted = outcome(flow.send(message(50_000), 'feature', controller.signal))
    here.drain(2)
    expect(reassembler.partialMessages).toBe(1)
    controller.abort('changed my mind')
    expect(await aborted).toBe('changed my mind')
    here.drain()
    expect(reassembler.partialMessages).toBe(0)
    expect(arrived).toEqual([])
    expect(flow.send(message(10), 'feature')).toBeUndefined()
  })

  it('refuses what exceeds the queue, by bytes and by number', async () => {
    const { flow } = setup({ queuedBytes: 30_000, queuedMessages: 2 })
    void flow.send(message(20_000), 'bulk')
    expect(await outcome(flow.send(message(20_000), 'bulk'))).toBe('rejected')
    void flow.send(message(5000), 'bulk')
    expect(await outcome(flow.send(message(10), 'control'))).toBe('rejected')
  })

  it('frees every waiter when the channel closes', async () => {
    const { flow } = setup()
    const waiters = ['bulk', 'feature', 'control'] as const
    const outcomes = waiters.map((priority) => outcome(flow.send(message(50_000), priority)))
    flow.close(new TransportError('disconnected', 'gone'))
    expect(await Promise.all(outcomes)).toEqual(['disconnected', 'disconnected', 'disconnected'])
    expect(await outcome(flow.send(message(1), 'control'))).toBe('disconnected')
  })

  it('closes when the channel takes no more data', async () => {
    const { flow, here } = setup()
    here.closed = true
    expect(await outcome(flow.send(message(5000), 'feature'))).toBe('disconnected')
  })
})
