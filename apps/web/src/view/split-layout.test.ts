import type { ModelView } from 'roomful'
import { deviceId, modelDigest, type Plan } from 'roomful'
import { describe, expect, it } from 'vitest'
import { nearestEnd, splitLayout, stripes } from './split-layout.ts'

const model: ModelView = {
  name: 'net',
  digest: modelDigest('d'),
  labels: ['a'],
  width: 32,
  height: 32,
  macs: 100,
  segments: [
    { to: 'stem', macs: 10, shape: [1, 8, 16, 16], bytes: 8192 },
    { to: 'block1', macs: 40, shape: [1, 8, 16, 16], bytes: 8192 },
    { to: 'block2', macs: 40, shape: [1, 16, 8, 8], bytes: 4096 },
    { to: 'logits', macs: 10, shape: [1, 10], bytes: 40 },
  ],
  exits: [{ name: 'exit1', at: 'block1', macs: 51, threshold: 0.8 }],
  downloadedBytes: 0,
  totalBytes: 1,
}
const shard = { device: deviceId('a'), backend: 'ort-wasm' as const }
const other = { device: deviceId('b'), backend: 'ort-wasm' as const }
const plan: Plan = {
  model: model.digest,
  trunk: 'main',
  input: { kind: 'tensor' },
  volumes: [
    { from: 'input', to: 'block1', shards: [shard], wire: { bits: 8, entropy: 'none' }, route: 'peer' },
    { from: 'block1', to: 'logits', shards: [other], wire: { bits: 32, entropy: 'none' }, route: 'peer' },
  ],
  exits: [],
  predicted: { latencyMs: 1, fullMs: 1, throughputPerSecond: 1, bytes: 1 },
  method: 'neurosurgeon',
}

describe('splitLayout', () => {
  it('lays the blocks side by side over the whole width', () => {
    const { blocks } = splitLayout(model, plan)
    expect(blocks.map((block) => block.volume)).toEqual([0, 0, 1, 1])
    const last = blocks.at(-1)
    expect((last?.x ?? 0) + (last?.width ?? 0)).toBeCloseTo(1)
  })

  it('marks a cut with the bytes of its wire format', () => {
    expect(splitLayout(model, plan).cuts).toMatchObject([{ tensor: 'block1', bytes: 2048, after: 1 }])
  })

  it('draws no cut where the next volume stays on the device', () => {
    const [first, second] = plan.volumes
    if (first === undefined || second === undefined) throw new Error('two volumes')
    const local: Plan = { ...plan, volumes: [first, { ...second, shards: [shard] }] }
    expect(splitLayout(model, local).cuts).toEqual([])
  })

  it('has no cuts without a plan and puts the exit at the end of its block', () => {
    const { cuts, taps, blocks } = splitLayout(model, undefined)
    expect(cuts).toEqual([])
    expect(taps[0]?.x).toBeCloseTo((blocks[1]?.x ?? 0) + (blocks[1]?.width ?? 0))
  })
})

describe('stripes', () => {
  it('turns row ranges into shares and a whole volume into one stripe', () => {
    expect(stripes([undefined])).toEqual([{ start: 0, end: 1 }])
    expect(
      stripes([
        { start: 0, end: 6 },
        { start: 6, end: 8 },
      ]),
    ).toEqual([
      { start: 0, end: 0.75 },
      { start: 0.75, end: 1 },
    ])
  })
})

describe('nearestEnd', () => {
  it('snaps to the nearest block end between the neighbours', () => {
    const { blocks } = splitLayout(model, plan)
    expect(nearestEnd(blocks, 0, -1, 3)).toBe(0)
    expect(nearestEnd(blocks, 1, -1, 3)).toBe(2)
    expect(nearestEnd(blocks, 0.5, 1, 2)).toBeUndefined()
  })
})
