import { seededRandom } from '@roomful/core'
import { chainModel, type PlannableModel, vggModel } from '@roomful/planner'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chromeTrace } from './report/chrome-trace.ts'
import { percentilesOf } from './report/statistics.ts'
import { describeSimulation } from './report/text.ts'
import { readScenario } from './scenario.ts'
import { simulate } from './simulate.ts'
import { randomNet, randomRoomJson } from './testing/random-cases.ts'

const room = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 8, overheadMs: 0.5 },
    { id: 'laptop', gmacsPerSecond: 60, overheadMs: 0.5 },
    { id: 'tablet', gmacsPerSecond: 20, overheadMs: 0.5 },
  ],
  links: [
    { a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 },
    { a: 'phone', b: 'tablet', mbitPerSecond: 60, rttMs: 6 },
    { a: 'laptop', b: 'tablet', mbitPerSecond: 80, rttMs: 5 },
  ],
}
const vgg = vggModel('vgg16')

/** 4 convolutions with an exit after the second that answers 60 % of the requests. */
function earlyExit(): PlannableModel {
  return chainModel({
    name: 'exits',
    input: [3, 32, 32],
    layers: [
      { kind: 'conv', channels: 32, kernel: 3 },
      { kind: 'conv', channels: 64, kernel: 3 },
      { kind: 'conv', channels: 64, kernel: 3 },
      { kind: 'conv', channels: 64, kernel: 3 },
      { kind: 'dense', units: 10 },
    ],
    exits: [{ after: 2, macs: 1e5 }],
    settings: [{ thresholds: [0.8], shares: [0.6, 0.4], accuracyLoss: 0 }],
  })
}

const events = [
  { atMs: 1000, kind: 'load', device: 'laptop', load: 0.7 },
  { atMs: 3000, kind: 'link', a: 'phone', b: 'laptop', mbitPerSecond: 10, overMs: 1000 },
  { atMs: 6000, kind: 'leave', device: 'laptop' },
  { atMs: 9000, kind: 'silence', a: 'phone', b: 'tablet', forMs: 3000 },
  { atMs: 16_000, kind: 'kill', device: 'tablet' },
]

describe('a simulation', { timeout: 60_000 }, () => {
  it('gives the same result from the same seed, whatever happens in the room', async () => {
    const anything = fc.record({
      seed: fc.integer(),
      loss: fc.constantFrom(0, 0.05),
      pattern: fc.constantFrom({ kind: 'closed', count: 8 }, { kind: 'rate', count: 8, perSecond: 20 }),
      what: fc.constantFrom('load', 'link', 'leave', 'kill', 'silence', 'join'),
      atMs: fc.integer({ min: 0, max: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(anything, async ({ seed, loss, pattern, what, atMs }) => {
        const random = seededRandom(seed)
        const model = randomNet(random)
        const link = { a: 'd0', b: 'd1' }
        const event = {
          load: { device: 'd1', load: 0.5 },
          link: { ...link, mbitPerSecond: 5, overMs: 200 },
          leave: { device: 'd1' },
          kill: { device: 'd2' },
          silence: { ...link, forMs: 100 },
          join: { device: 'd3' },
        }[what]
        const lossy = { atMs: 0, kind: 'link', ...link, lossProbability: loss, jitterMs: 2 }
        const scenario = readScenario({
          seed,
          model: 'random',
          room: randomRoomJson(random),
          requests: pattern,
          events: [lossy, { atMs, kind: what, ...event }],
        })
        const one = await simulate(scenario, model)
        expect(one.requests.length).toBe(8)
        expect(JSON.stringify(await simulate(scenario, model))).toBe(JSON.stringify(one))
      }),
      { seed: 20261121, numRuns: 8 },
    )
  }, 180_000)

  it('replans when load, links and devices change, and every request ends', async () => {
    // At the end the phone is alone and needs a second for each.
    const requests = { kind: 'rate', count: 12, perSecond: 0.6, arrivals: 'even' }
    const weak = { ...room, devices: room.devices.map((one) => ({ ...one, gmacsPerSecond: one.gmacsPerSecond / 80 })) }
    const scenario = readScenario({ model: 'exits', room: { ...weak, limits: { exits: false } }, requests, events })
    const result = await simulate(scenario, earlyExit())
    expect(result.percentiles).toMatchObject({ count: 12, failed: 0 })
    expect(result.replans.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['load', 'leave', 'join']))
    expect(result.replans.length).toBeLessThan(12)
    const [first] = result.requests
    expect(first?.trace?.spans.some(({ device }) => device === 'laptop')).toBe(true)
    expect(result.requests.at(-1)?.trace?.spans.some(({ device }) => device === 'laptop')).toBe(false)
  })

  it('leaves at the exits in the shares of the manifest', async () => {
    const small = { ...room, devices: [{ id: 'phone', gmacsPerSecond: 2 }], links: [] }
    const scenario = readScenario({ model: 'exits', room: small, requests: { kind: 'closed', count: 250 } })
    const result = await simulate(scenario, earlyExit())
    expect(result.plan?.exits).toHaveLength(1)
    expect(result.exits['exit1']).toBeGreaterThan(0.53)
    expect(result.exits['exit1']).toBeLessThan(0.67)
    const early = result.requests.filter(({ exit }) => exit === 'exit1')
    const late = result.requests.filter(({ exit }) => exit !== 'exit1')
    expect(percentilesOf(early).p50Ms).toBeLessThan(percentilesOf(late).p50Ms)
  })

  it('slows down with the load of its only device', async () => {
    const one = { initiator: 'phone', devices: [{ id: 'phone', gmacsPerSecond: 8 }] }
    const load = [{ atMs: 5000, kind: 'load', device: 'phone', load: 0.5 }]
    const scenario = readScenario({ model: 'vgg16', room: one, requests: { kind: 'closed', count: 6 }, events: load })
    const { requests } = await simulate(scenario, vgg)
    const [before, after] = [requests[0], requests.at(-1)].map((r) => (r === undefined ? 0 : r.endMs - r.startMs))
    expect((after ?? 0) / (before ?? 1)).toBeCloseTo(2, 5)
  })

  it('fills a pipeline to the predicted throughput', async () => {
    const limits = { objective: 'throughput' }
    const scenario = readScenario({
      model: 'vgg16',
      methods: ['chain'],
      room: { ...room, limits },
      segmentMs: 1e6,
      requests: { kind: 'closed', count: 60, inFlight: 6, deadlineMs: 60_000 },
    })
    const result = await simulate(scenario, vgg)
    const predicted = result.plan?.predicted.throughputPerSecond ?? 0
    expect(result.percentiles.failed).toBe(0)
    expect(result.throughputPerSecond / predicted).toBeGreaterThan(0.8)
    expect(result.throughputPerSecond / predicted).toBeLessThan(1.1)
  })

  it('refuses a room for which no method has a plan', async () => {
    const limits = { deadlineMs: 1 }
    const scenario = readScenario({ model: 'vgg16', room: { ...room, limits }, requests: { kind: 'closed', count: 1 } })
    await expect(simulate(scenario, vgg)).rejects.toMatchObject({ reason: 'plan' })
  })

  it('stops when it is aborted', async () => {
    const scenario = readScenario({ model: 'vgg16', room, requests: { kind: 'closed', count: 50_000 } })
    const signal = AbortSignal.timeout(100)
    const error: unknown = await simulate(scenario, vgg, { signal }).catch((reason: unknown) => reason)
    expect(error).toBe(signal.reason)
  })

  it('gives work of one kind that overlaps rows of its own in the trace', async () => {
    const requests = { kind: 'rate', count: 20, perSecond: 8 }
    const result = await simulate(readScenario({ model: 'vgg16', room, requests, sharedAccess: false }), vgg)
    const { traceEvents } = chromeTrace(result)
    const rows = new Map<string, { readonly ts: number; readonly end: number }[]>()
    for (const { ph, pid, tid, ts = 0, dur = 0 } of traceEvents) {
      if (ph !== 'X') continue
      const key = `${pid} ${tid}`
      rows.set(key, [...(rows.get(key) ?? []), { ts, end: ts + dur }])
    }
    expect(rows.size).toBeGreaterThan(10)
    for (const row of rows.values()) {
      const slices = row.toSorted((x, y) => x.ts - y.ts || x.end - y.end)
      for (const [at, { ts }] of slices.entries()) expect(ts).toBeGreaterThanOrEqual(slices[at - 1]?.end ?? 0)
    }
    const named = new Set(
      traceEvents.flatMap(({ name, pid, tid }) => (name === 'thread_name' ? [`${pid} ${tid}`] : [])),
    )
    expect([...rows.keys()].filter((row) => !named.has(row))).toEqual([])
  })

  it('is told in lines and as a Chrome trace', async () => {
    const scenario = readScenario({
      model: 'vgg16',
      methods: ['local', 'auto'],
      room,
      requests: { kind: 'closed', count: 2 },
    })
    const result = await simulate(scenario, vgg)
    const text = describeSimulation(result).join('\n')
    expect(text).toContain('local: 2 answers, 0 failed')
    expect(text).toContain('laptop ort-wasm:')
    const { traceEvents } = chromeTrace(result)
    expect(traceEvents.filter(({ name }) => name.startsWith('request '))).toHaveLength(4)
    const names = traceEvents.flatMap(({ ph, args }) => (ph === 'M' ? [args?.['name']] : []))
    expect(names).toContain('laptop (auto)')
    for (const { ph, ts, dur } of traceEvents) if (ph === 'X') expect((ts ?? -1) >= 0 && (dur ?? -1) >= 0).toBe(true)
  })

  it('gives no slice of its Chrome trace less than no time', async () => {
    const requests = { kind: 'closed', count: 1 }
    const result = await simulate(readScenario({ model: 'vgg16', methods: ['local'], room, requests }), vgg)
    const late = result.requests.map((request) => {
      if (request.trace === undefined) return request
      const spans = request.trace.spans.map((span) => ({ ...span, endMs: span.startMs - 1 }))
      return { ...request, trace: { ...request.trace, spans } }
    })
    const { traceEvents } = chromeTrace({ ...result, requests: late })
    const lengths = traceEvents.flatMap(({ dur }) => (dur === undefined ? [] : [dur]))
    expect(lengths.length).toBeGreaterThan(1)
    expect(Math.min(...lengths)).toBe(0)
  })
})
