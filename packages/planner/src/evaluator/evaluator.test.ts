import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { chainModel } from '../model/chain.ts'
import { latencyChain } from '../partitioners/chain.ts'
import { Search } from '../partitioners/search.ts'
import { RoomPredictor } from '../predictor/predictor.ts'
import { readRoom } from '../room-file.ts'
import { randomChain, randomRoom } from '../testing/random-cases.ts'
import { type Draft, wholeVolume } from './draft.ts'
import { HEAD_BYTES } from './message-link.ts'

const MODEL = chainModel({
  input: [1, 8, 8],
  layers: [
    { kind: 'conv', channels: 16, kernel: 3 },
    { kind: 'conv', channels: 16, kernel: 3 },
    { kind: 'dense', units: 10 },
  ],
  exits: [{ after: 1, macs: 2000 }],
})
/** Two layers of 105 million multiply-accumulates each. */
const BIG = chainModel({
  input: [64, 32, 32],
  layers: [
    { kind: 'conv', channels: 64, kernel: 5 },
    { kind: 'conv', channels: 64, kernel: 5 },
  ],
})
const A = { id: 'a', gmacsPerSecond: 0.01, overheadMs: 1, codecMbPerSecond: 1e9 }
const ROOM = readRoom({
  initiator: 'a',
  devices: [A, { id: 'b', gmacsPerSecond: 0.1, overheadMs: 1, codecMbPerSecond: 1e9 }],
  links: [{ a: 'a', b: 'b', mbitPerSecond: 8, rttMs: 10 }],
})
const search = new Search(MODEL, ROOM.topology, ROOM.predictor, {})
const draft = (part: Partial<Draft>): Draft => ({ input: 'tensor', volumes: [], exits: [], shares: [], ...part })
const macs = MODEL.segments.map((segment) => segment.macs)
const ms = (segment: number, gmacs: number) => (macs[segment] as number) / (gmacs * 1e6)

describe('the evaluator', () => {
  it('adds head, link and tail of a single cut as METHODS section 6 says', () => {
    const volumes = [wholeVolume(0, 1, 0, 2), wholeVolume(1, 3, 1)]
    const { fullMs, bytes, throughputPerSecond } = search.evaluate(draft({ volumes }))
    const head = 1 + ms(0, 0.01)
    const tail = 1 + ms(1, 0.1) + ms(2, 0.1)
    // 1,024 elements in 8 bits at 1 MB/s, half a round trip; ten logits of four bytes back; each with its heads.
    const sent = HEAD_BYTES + 24 + 16 * 8 + 1024
    const back = HEAD_BYTES + 24 + 40
    expect(fullMs).toBeCloseTo(head + sent / 1000 + 5 + tail + back / 1000 + 5, 6)
    expect(bytes).toBe(sent + back)
    expect(throughputPerSecond).toBeCloseTo(1000 / Math.max(head, tail), 6)
  })

  it('names the two devices that would have to be linked', () => {
    const lan = { mbitPerSecond: 8, rttMs: 10 }
    const links = ['b', 'c'].map((b) => ({ a: 'a', b, ...lan }))
    const star = readRoom({ initiator: 'a', devices: ['a', 'b', 'c'].map((id) => ({ ...A, id })), links })
    const { evaluator } = new Search(MODEL, star.topology, star.predictor, {})
    const volumes = [wholeVolume(0, 1, 1, 2), wholeVolume(1, 3, 2)]
    expect(evaluator.quick(draft({ volumes }))).toMatchObject({ feasible: false, why: 'b and c are not linked' })
    expect(evaluator.quick(draft({ volumes: [wholeVolume(0, 3, 2)] })).feasible).toBe(true)
  })

  it('sends only halos between shards of neighbouring volumes', () => {
    const strips = (from: number, to: number) => ({
      from,
      to,
      wire: 2,
      route: 'peer' as const,
      shards: [
        { processor: 0, start: 0, end: 4 },
        { processor: 1, start: 4, end: 8 },
      ],
    })
    const volumes = [strips(0, 1), strips(1, 2), wholeVolume(2, 3, 0)]
    const { bytes } = search.evaluate(draft({ volumes }))
    const picture = HEAD_BYTES + 24 + 5 * 8 * 4
    // One row of 8 elements a channel has one range for all channels, four rows have one for each.
    const halos = 2 * (HEAD_BYTES + 24 + 8 + 8 * 16)
    const gather = HEAD_BYTES + 24 + 8 * 16 + 4 * 8 * 16
    expect(bytes).toBe(picture + halos + gather)
  })

  it('a leader gathers and scatters everything', () => {
    const strips = (from: number, to: number, route: 'peer' | 'leader') => ({
      from,
      to,
      wire: 2,
      route,
      shards: [
        { processor: 0, start: 0, end: 4 },
        { processor: 1, start: 4, end: 8 },
      ],
    })
    const peer = search.evaluate(draft({ volumes: [strips(0, 1, 'peer'), strips(1, 2, 'peer'), wholeVolume(2, 3, 0)] }))
    const led = search.evaluate(
      draft({ volumes: [strips(0, 1, 'leader'), strips(1, 2, 'leader'), wholeVolume(2, 3, 0)] }),
    )
    const rows = (count: number) => HEAD_BYTES + 24 + 8 * 16 + count * 8 * 16
    const halo = HEAD_BYTES + 24 + 8 + 8 * 16
    expect(led.bytes - peer.bytes).toBe(rows(4) + rows(5) - 2 * halo)
    expect(led.fullMs).toBeGreaterThan(peer.fullMs)
  })

  it('weighs exits with their shares, and a waiting trunk is delayed where a racing one is not', () => {
    const volumes = [wholeVolume(0, 1, 0), wholeVolume(1, 3, 0)]
    const exit = { exit: 0, threshold: 0.8 }
    const plain = search.evaluate(draft({ volumes }))
    const wait = search.evaluator.evaluate(
      draft({ volumes, exits: [{ ...exit, processor: 1, mode: 'wait' }], shares: [0.5, 0.5] }),
    )
    const race = search.evaluator.evaluate(
      draft({ volumes, exits: [{ ...exit, processor: 1, mode: 'race' }], shares: [0.5, 0.5] }),
    )
    expect(race.fullMs).toBeCloseTo(plain.fullMs, 9)
    expect(wait.fullMs).toBeGreaterThan(plain.fullMs + 10)
    const [exitMs] = race.exitMs
    expect(race.latencyMs).toBeCloseTo(0.5 * Math.min(exitMs ?? 0, race.fullMs) + 0.5 * race.fullMs, 9)
  })

  it('counts cache hits at their own price', () => {
    const cached = new Search(MODEL, ROOM.topology, ROOM.predictor, { cache: { hitRate: 0.25, hitMs: 2 } })
    const full = search.evaluate(search.single(0)).latencyMs
    expect(cached.evaluate(cached.single(0)).latencyMs).toBeCloseTo(0.75 * full + 0.25 * 2, 9)
  })

  it('pays the overhead of every session that the runtime makes of a long stage', () => {
    const [first = 0, second = 0, third = 0] = [ms(0, 10), ms(1, 10), ms(2, 10)]
    const fullMs = (overheadMs: number, segmentMs: number) => {
      const { topology, predictor } = readRoom({ initiator: 'a', devices: [{ ...A, gmacsPerSecond: 10, overheadMs }] })
      const one = new Search(MODEL, topology, predictor, { segmentMs })
      return one.evaluate(one.single(0)).fullMs
    }
    expect(fullMs(1e-5, 1e6)).toBeCloseTo(1e-5 + first + second + third, 9)
    expect(fullMs(1e-5, 1e-5)).toBeCloseTo(3e-5 + first + second + third, 9)
    // Sessions are not made shorter than twenty times the overhead of starting one.
    expect(fullMs(1, 1e-5)).toBeCloseTo(1 + first + second + third, 9)
  })

  it('agrees with the additive dynamic program of chains on random cases', () => {
    const random = seededRandom(21)
    for (let i = 0; i < 40; i++) {
      const room = randomRoom(random, 3)
      const one = new Search(randomChain(random, 5), room.topology, room.predictor, {})
      const [first, ...rest] = latencyChain(one).map((candidate) => one.evaluate(candidate).latencyMs)
      for (const other of rest) expect(first).toBeLessThanOrEqual(other * (1 + 1e-9))
    }
  })

  it('delays an answer by what messages cost in a burst, and the answers of a closed loop by what the processor sustains', () => {
    const { topology } = ROOM
    const message = { delayMs: () => 0.4, workMs: () => 8 }
    const latency = (burst: number) => {
      const devices = topology.devices.map((device) =>
        device.id === 'a' ? { ...device, backends: device.backends.map((speed) => ({ ...speed, burst })) } : device,
      )
      const seen = { ...topology, devices }
      const one = new Search(MODEL, seen, new RoomPredictor(seen, { message }), {})
      return one.evaluate(draft({ volumes: [wholeVolume(0, 3, 1)] }))
    }
    const [steady, bursts] = [latency(1), latency(10)]
    // Two messages at 0.01 GMAC/s: 80 ms of delay, or 8 where bursts are ten times faster.
    expect(steady.fullMs - bursts.fullMs).toBeGreaterThan(72 - 1e-6)
    // And 1,600 ms of the processor either way.
    expect(bursts.latencyMs).toBeCloseTo(1600, 1)
    expect(bursts.fullMs).toBeLessThan(1600)
  })

  it('lets stages run in the bursts of processors that have rested, and closed loops wait for what is sustained', () => {
    const bursts = (burst: number) => {
      const devices = ROOM.topology.devices.map((device) => ({
        ...device,
        backends: device.backends.map((speed) => ({ ...speed, burst, gmacsPerSecond: 2, overheadMs: 0 })),
      }))
      const links = ROOM.topology.links.map((link) => ({ ...link, mbitPerSecond: 10_000, rttMs: 1 }))
      const seen = { ...ROOM.topology, devices, links }
      const message = { delayMs: () => 0, workMs: () => 0 }
      return new Search(BIG, seen, new RoomPredictor(seen, { message, bursts: true }), {})
    }
    const here = draft({ volumes: [wholeVolume(0, 2, 0)] })
    const split = draft({ volumes: [wholeVolume(0, 1, 0), wholeVolume(1, 2, 1)] })
    const [steady, throttled] = [bursts(1), bursts(4)]
    const alone = (2 * (BIG.segments[0]?.macs ?? 0)) / 2e6
    // Alone, 80 of 105 ms are saved up, and asked again at once nothing is.
    expect(steady.evaluate(here).fullMs).toBeCloseTo(alone, 0)
    expect(throttled.evaluate(here).fullMs).toBeCloseTo(80 / 4 + alone - 80, 0)
    expect(throttled.evaluate(here).latencyMs / alone).toBeGreaterThan(1)
    expect(throttled.evaluate(here).latencyMs / alone).toBeLessThan(1.05)
    const wayMs = steady.evaluate(split).fullMs - alone
    expect(throttled.evaluate(split).fullMs).toBeCloseTo(alone / 4 + wayMs, 0)
    expect(throttled.evaluate(split).latencyMs).toBeGreaterThan(throttled.evaluate(split).fullMs)
    expect(throttled.evaluate(split).latencyMs).toBeLessThan(0.9 * steady.evaluate(split).latencyMs)
  })

  it('handles messages at the sustained speed where stages have used up what a throttled processor had saved, and lets them wait', () => {
    const delayMs = 3
    const fullMs = (burst: number, first: number, message = { delayMs: () => delayMs, workMs: () => 0 }) => {
      const devices = ROOM.topology.devices.map((device) => ({
        ...device,
        backends: device.backends.map((speed) => ({ ...speed, burst, gmacsPerSecond: 1, overheadMs: first })),
      }))
      const links = ROOM.topology.links.map((link) => ({ ...link, mbitPerSecond: 10_000, rttMs: 1 }))
      const seen = { ...ROOM.topology, devices, links }
      const one = new Search(MODEL, seen, new RoomPredictor(seen, { message, bursts: true }), {})
      return one.evaluate(draft({ volumes: [wholeVolume(0, 1, 0), wholeVolume(1, 3, 1)] })).fullMs
    }
    const free = { delayMs: () => 0, workMs: () => 0 }
    const messagesMs = (burst: number, first: number) => fullMs(burst, first) - fullMs(burst, first, free)
    // There and back, each at two devices. Stages of 10 ms leave 70 of what is saved, those of 100 nothing, but for who gets the first message.
    expect(messagesMs(1, 100)).toBeCloseTo(4 * delayMs, 6)
    expect(messagesMs(4, 10)).toBeCloseTo((4 * delayMs) / 4, 6)
    expect(messagesMs(4, 100)).toBeCloseTo(3 * delayMs + delayMs / 4, 6)
    // Each stage saves 60 ms of its first 80, and three messages wait.
    expect(fullMs(4, 100, free) - fullMs(1, 100, free)).toBeCloseTo(3 * 10 - 2 * 60, 6)
  })

  it('counts what asking costs the page where the network begins there, once, and as often as it is learned to be', () => {
    const message = { delayMs: () => 0, workMs: () => 0, askMs: 0.5 }
    const latency = (on: number, factor: number, extra = {}) => {
      const predictor = new RoomPredictor(ROOM.topology, { ...extra, messageFactor: () => factor })
      const search = new Search(MODEL, ROOM.topology, predictor, {})
      return search.evaluate(draft({ volumes: [wholeVolume(0, 1, 0), wholeVolume(1, 3, on)] })).fullMs
    }
    for (const on of [0, 1]) {
      const without = latency(on, 1)
      // At 0.01 GMAC/s.
      expect(latency(on, 1, { message }) - without).toBeCloseTo(50, 6)
      expect(latency(on, 2, { message }) - without).toBeCloseTo(100, 6)
    }
  })
})
