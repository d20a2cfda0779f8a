import { deviceId, modelDigest, type Plan, type Span } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { floorOf } from './floor.ts'

const [a, b, c] = ['a', 'b', 'c'].map(deviceId) as [
  ReturnType<typeof deviceId>,
  ReturnType<typeof deviceId>,
  ReturnType<typeof deviceId>,
]
const links = () => ({ rttMs: 4, bytesPerMs: 100 })
const span = (kind: Span['kind'], device: typeof a, volume: number, startMs: number, endMs: number): Span => ({
  kind,
  device,
  volume,
  startMs,
  endMs,
})
const sent = (device: typeof a, to: typeof a, volume: number, bytes: number): Span => ({
  ...span('transfer', device, volume, 0, 0),
  to,
  bytes,
})
const plan = (...volumes: readonly (readonly (typeof a)[])[]): Plan => ({
  model: modelDigest('m'),
  trunk: 'main',
  input: { kind: 'tensor' },
  volumes: volumes.map((devices, index) => ({
    from: `t${index}`,
    to: `t${index + 1}`,
    shards: devices.map((device) => ({ device, backend: 'ort-wasm' })),
    wire: { bits: 8, entropy: 'none' },
    route: 'peer',
  })),
  exits: [],
  predicted: { latencyMs: 1, fullMs: 1, throughputPerSecond: 1, bytes: 0 },
  method: 'test',
})

describe('floorOf', () => {
  it('is the compute alone on one device, segment by segment', () => {
    const spans = [span('compute', a, 0, 1, 11), span('encode', a, 1, 11, 12), span('compute', a, 0, 12, 17)]
    expect(floorOf(plan([a]), spans, links, a)).toEqual({ ms: 15, computeMs: 15, linkMs: 0 })
  })

  it('adds bytes over bandwidth and half a round trip for each hop of a chain, the answer included', () => {
    const spans = [span('compute', a, 0, 0, 10), sent(a, b, 1, 300), span('compute', b, 1, 20, 40)]
    expect(floorOf(plan([a], [b]), spans, links, a)).toEqual({ ms: 10 + 3 + 2 + 20 + 2, computeMs: 30, linkMs: 7 })
  })

  it('follows the slowest shard, and only senders of rows that were needed', () => {
    const spans = [
      sent(a, b, 0, 100),
      sent(a, c, 0, 200),
      span('compute', b, 0, 5, 15),
      span('compute', c, 0, 5, 35),
      sent(b, a, 1, 100),
      sent(c, a, 1, 100),
      span('compute', a, 1, 50, 60),
    ]
    expect(floorOf(plan([b, c], [a]), spans, links, a)).toEqual({
      ms: 2 + 2 + 30 + 2 + 1 + 10,
      computeMs: 40,
      linkMs: 7,
    })
    const without = spans.filter(({ device, volume }) => !(device === c && volume === 1))
    expect(floorOf(plan([b, c], [a]), without, links, a)?.ms).toBe(2 + 1 + 10 + 2 + 1 + 10)
  })

  it('says nothing of a request whose trace lacks a stage', () => {
    expect(floorOf(plan([a], [b]), [span('compute', a, 0, 0, 10), sent(a, b, 1, 10)], links, a)).toBeUndefined()
  })
})
