import { seededRandom } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { afterEach, describe, expect, it } from 'vitest'
import { MiniNet } from './testing/mini-net.ts'
import { MiniRoom, planOf } from './testing/mini-room.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1, 2, 1], height: 14, width: 6, exits: [1, 3] })
let room: MiniRoom

async function setup(...ids: string[]) {
  room = new MiniRoom({ net })
  const devices = await room.joinAll(...ids)
  return { room, devices, a: devices[0] as (typeof devices)[number] }
}

afterEach(async () => {
  await room.close()
  await room.clock.advance(1000)
  expect(room.clock.pending).toBe(0)
})

function expectClose(actual: FeatureMap | undefined, wanted: FeatureMap, within = 1e-4) {
  const range = Math.max(...(wanted.data as Float32Array)) - Math.min(...(wanted.data as Float32Array))
  const error = Math.max(...[...(wanted.data as Float32Array)].map((x, i) => Math.abs(x - Number(actual?.data[i]))))
  expect(error / range).toBeLessThan(within)
}

describe('plans give the single-device answer', () => {
  const plans = {
    local: planOf(net, [['logits', ['a']]]),
    'one cut': planOf(net, [
      ['t2', ['a']],
      ['logits', ['b']],
    ]),
    offload: planOf(net, [['logits', ['b']]]),
    chain: planOf(net, [
      ['t1', ['a']],
      ['t2', ['b']],
      ['t3', ['c']],
      ['logits', ['a']],
    ]),
    'two shards': planOf(net, [
      ['t2', ['a', 0, 5], ['b', 5, 14]],
      ['logits', ['a']],
    ]),
    'four uneven shards': planOf(net, [
      ['t3', ['a', 0, 1], ['b', 1, 4], ['c', 4, 5], ['d', 5, 7]],
      ['logits', ['b']],
    ]),
    'shards to shards': planOf(net, [
      ['t1', ['b', 0, 3], ['c', 3, 14]],
      ['t2', ['a', 0, 7], ['b', 7, 9], ['d', 9, 14]],
      ['t4', ['c', 0, 6], ['b', 6, 7]],
      ['logits', ['c']],
    ]),
    'shards through the leader': planOf(
      net,
      [
        ['t1', ['b', 0, 3], ['c', 3, 14]],
        ['t2', ['a', 0, 7], ['b', 7, 14]],
        ['logits', ['c']],
      ],
      { route: 'leader' },
    ),
    'a leader that computes nothing': planOf(
      net,
      [
        ['t1', ['b', 0, 3], ['c', 3, 14]],
        ['t2', ['b']],
        ['logits', ['c']],
      ],
      { route: 'leader' },
    ),
    'one device, two shards': planOf(net, [
      ['t2', ['b', 0, 5], ['b', 5, 14]],
      ['logits', ['b']],
    ]),
  }
  for (const [name, plan] of Object.entries(plans)) {
    it(`${name}`, async () => {
      const { room, a } = await setup('a', 'b', 'c', 'd')
      await room.until(a.runtime.install(plan))
      for (let i = 0; i < 3; i++) {
        const tensor = room.picture()
        const result = await room.until(a.runtime.infer({ tensor }))
        expect(result.exit).toBe('final')
        expect(result.trace.recovered).toBeUndefined()
        expectClose(result.outputs[0], net.reference(tensor))
      }
      await room.clock.advance(200)
      for (const { runtime } of room.devices.values()) {
        expect(runtime.counts.worker).toMatchObject({ requests: 0, bufferedBytes: 0 })
        expect(runtime.counts.coordinator).toMatchObject({ requests: 0, attempts: 0 })
      }
    })
  }
})

describe('the input tensor in 8 bits', () => {
  it('is a third of the bytes or less, and nearly the same answer', async () => {
    const { room, a } = await setup('a', 'b')
    const plan = planOf(net, [['logits', ['b']]])
    const tensor = room.picture()
    const sent: number[] = []
    for (const input of [{ kind: 'tensor' }, { kind: 'tensor', bits: 8 }] as const) {
      await room.until(a.runtime.install({ ...plan, input }))
      const { outputs, trace } = await room.until(a.runtime.infer({ tensor }))
      expectClose(outputs[0], net.reference(tensor), input.kind === 'tensor' && 'bits' in input ? 0.02 : 1e-4)
      const transfers = trace.spans.filter(({ kind, device }) => kind === 'transfer' && device === 'a')
      sent.push(transfers.reduce((sum, { bytes = 0 }) => sum + bytes, 0))
    }
    const [exact = 0, pixels = 0] = sent
    expect(pixels).toBeGreaterThan(0)
    expect(pixels).toBeLessThan(exact / 3)
  })
})
