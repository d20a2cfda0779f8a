import { type DeviceId, deviceId, seededRandom } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinRows, RowAssembler } from '../stage/row-assembler.ts'
import { MiniNet } from '../testing/mini-net.ts'
import { planOf } from '../testing/mini-room.ts'
import { fallbackPlan, recoveryOrder } from './fallback.ts'
import { layOut } from './layout.ts'
import { consumerRoutes, follows, holders, producerRoutes, routesPast } from './routes.ts'
import { segmentLimitMs, segmentsOf } from './segments.ts'

const net = new MiniNet({ random: seededRandom(1), strides: [1, 2, 1, 1], height: 20, width: 4, exits: [1, 3] })
const a = deviceId('a')

describe('routes', () => {
  it('bring every shard exactly the rows it needs, whoever makes them', () => {
    const cuts = (height: number) =>
      fc.uniqueArray(fc.integer({ min: 1, max: height - 1 }), { maxLength: 3 }).map((at) => {
        const bounds = [0, ...at.toSorted((x, y) => x - y), height]
        return bounds.slice(1).map((end, i) => ['abcd'[i] ?? 'a', bounds[i] ?? 0, end] as const)
      })
    fc.assert(
      fc.property(cuts(20), cuts(10), (first, second) => {
        const layout = layOut(
          planOf(net, [
            ['t1', ...first],
            ['t2', ...second],
            ['logits', ['a']],
          ]),
          net,
          a,
        )
        const sent = (layout.shards[0] ?? []).flatMap((shard) => producerRoutes(layout, 1, shard.rows))
        for (const [index, shard] of (layout.shards[1] ?? []).entries()) {
          const needed = shard.inputRows ?? { start: 0, end: 20 }
          const mine = sent.filter((route) => route.shards.includes(index)).map((r) => r.rows ?? { start: 0, end: 20 })
          const rows = mine.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i))
          expect(rows.toSorted((x, y) => x - y)).toEqual(
            Array.from({ length: needed.end - needed.start }, (_, i) => needed.start + i),
          )
        }
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('give a device that runs the next volume and the exit one message', () => {
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      { exits: [{ exit: 'exit1', device: 'b' }] },
    )
    const routes = producerRoutes(layOut(plan, net, a), 1)
    expect(routes).toEqual([{ to: 'b', volume: 1, shards: [0], exits: ['exit1'], relay: false }])
  })

  it('hold the trunk at an exit that is waited for', () => {
    const exits = [{ exit: 'exit1', device: 'c', mode: 'wait' as const }]
    const layout = layOut(
      planOf(
        net,
        [
          ['t1', ['a']],
          ['logits', ['b']],
        ],
        { exits },
      ),
      net,
      a,
    )
    expect(holders(layout, 1)).toEqual(['exit1'])
    expect(producerRoutes(layout, 1).map(({ to, shards }) => [to, shards.length])).toEqual([['c', 0]])
  })

  it('pass from one exit that is waited for to the next at the same cut, and from the last one to the trunk', () => {
    const twin = new MiniNet({ random: seededRandom(2), strides: [1, 1], exits: [1, 1] })
    const volumes = [
      ['t1', ['a']],
      ['logits', ['b']],
    ] as const
    const mode = 'wait' as const
    const exits = [
      { exit: 'exit1', device: 'c', mode },
      { exit: 'exit1b', device: 'd', mode },
    ]
    const layout = layOut(planOf(twin, volumes, { exits }), twin, a)
    const sent = (routes: ReturnType<typeof producerRoutes>) =>
      routes.map(({ to, exits, shards }) => [to, exits, shards])
    expect(sent(producerRoutes(layout, 1))).toEqual([['c', ['exit1'], []]])
    expect(sent(routesPast(layout, 1, 'exit1'))).toEqual([['d', ['exit1b'], []]])
    expect(sent(routesPast(layout, 1, 'exit1b'))).toEqual([['b', [], [0]]])
  })

  it('go through the initiator when the route is leader', () => {
    const plan = planOf(
      net,
      [
        ['t1', ['b', 0, 9], ['c', 9, 20]],
        ['logits', ['b']],
      ],
      { route: 'leader' },
    )
    const layout = layOut(plan, net, a)
    const routes = producerRoutes(layout, 1, { start: 0, end: 9 })
    expect(routes).toEqual([{ to: 'a', volume: 1, shards: [], exits: [], relay: true, rows: { start: 0, end: 9 } }])
    expect(consumerRoutes(layout, 1)).toMatchObject([{ to: 'b', shards: [0] }])
  })
})

describe('a volume follows the one before at once', () => {
  const volumes = (first: string, second: string) =>
    [
      ['t1', [first]],
      ['logits', [second]],
    ] as const
  it.each([
    ['on the same device', volumes('a', 'a'), {}, true],
    ['with an exit that races', volumes('b', 'b'), { exits: [{ exit: 'exit1', device: 'a', mode: 'race' }] }, true],
    [
      'past an exit that races on its own processor',
      volumes('a', 'a'),
      { exits: [{ exit: 'exit1', device: 'a', mode: 'race' }] },
      true,
    ],
    ['not on another device', volumes('a', 'b'), {}, false],
    [
      'past an exit that is waited for on its own processor',
      volumes('a', 'a'),
      { exits: [{ exit: 'exit1', device: 'a', mode: 'wait' }] },
      true,
    ],
    [
      'not past an exit that is waited for elsewhere',
      volumes('a', 'a'),
      { exits: [{ exit: 'exit1', device: 'b', mode: 'wait' }] },
      false,
    ],
    ['not through the leader', volumes('b', 'b'), { route: 'leader' }, false],
    [
      'not from rows',
      [
        ['t1', ['a', 0, 9], ['a', 9, 20]],
        ['logits', ['a']],
      ],
      {},
      false,
    ],
  ] as const)('%s', (_, shape, options, expected) => {
    expect(follows(layOut(planOf(net, shape, options), net, a), 1)).toBe(expected)
  })
})

describe('a plan is refused with its reason', () => {
  const cases: [string, ReturnType<typeof planOf>][] = [
    [
      'cover 9 of the 20 rows',
      planOf(net, [
        ['t1', ['a', 0, 9]],
        ['logits', ['a']],
      ]),
    ],
    [
      'no partition point',
      planOf(net, [
        ['t9', ['a']],
        ['logits', ['a']],
      ]),
    ],
    ['does not end at the output', planOf(net, [['t1', ['a']]])],
    [
      'cannot be split by rows',
      planOf(net, [
        ['t1', ['a']],
        ['logits', ['a', 0, 1], ['b', 1, 2]],
      ]),
    ],
    [
      'hangs on no cut',
      planOf(
        net,
        [
          ['t2', ['a']],
          ['logits', ['a']],
        ],
        { exits: [{ exit: 'exit1', device: 'a' }] },
      ),
    ],
    [
      'does not come after',
      planOf(net, [
        ['t3', ['a']],
        ['t2', ['a']],
        ['logits', ['a']],
      ]),
    ],
    [
      'no bottleneck',
      planOf(
        net,
        [
          ['t1', ['a']],
          ['logits', ['a']],
        ],
        { wire: { bits: 8, bottleneck: 'x', entropy: 'none' } },
      ),
    ],
    [
      'has two places',
      planOf(
        net,
        [
          ['t1', ['a']],
          ['logits', ['a']],
        ],
        {
          exits: [
            { exit: 'exit1', device: 'a' },
            { exit: 'exit1', device: 'b' },
          ],
        },
      ),
    ],
    ['made for model', { ...planOf(net, [['logits', ['a']]]), model: 'other' as never }],
    ['no trunk', { ...planOf(net, [['logits', ['a']]]), trunk: 'thin' }],
  ]
  for (const [why, plan] of cases) {
    it(why, () => {
      expect(() => layOut(plan, net, a)).toThrow(why === 'cannot be split by rows' ? /split by rows|cover/ : why)
    })
  }

  it('an output that is not the answer, naming both', () => {
    const withMask: MiniNet = Object.assign(Object.create(net), { otherOutputs: ['mask'] })
    expect(() => layOut(planOf(net, [['mask', ['a']]]), withMask, a)).toThrow(
      expect.objectContaining({ reason: 'bad-plan', message: expect.stringMatching(/mask is an output.*logits only/) }),
    )
  })
})

describe('segments', () => {
  it('are short where partition points allow it, and compute what the whole does', () => {
    const part = { trunk: 'main', from: 'x', to: 't4', rows: { start: 3, end: 7 } }
    const segments = segmentsOf(net, part, 100, 20)
    expect(segments.length).toBeGreaterThan(2)
    const needed = net.inputRows('x', 't4', part.rows)
    const data = Float32Array.from({ length: 2 * 20 * 4 }, (_, i) => Math.sin(i))
    const input = joinRows(
      [{ rows: { start: 0, end: 20 }, map: { dtype: 'float32', dims: [1, 2, 20, 4], data } }],
      needed,
    )
    const chained = segments.reduce<FeatureMap>((map, segment) => net.run(segment, map), input)
    expect(chained).toEqual(net.run(part, input))
  })

  it('are one when the whole is short', () => {
    expect(segmentsOf(net, { trunk: 'main', from: 'x', to: 'logits' }, 19, 20)).toHaveLength(1)
  })

  it('are one for an exit, however long it is predicted to take: none of the trunk lies inside', () => {
    const [exit] = net.exits
    if (exit === undefined) throw new Error('the net has no exit')
    const part = { trunk: 'main', from: exit.from, to: exit.output }
    expect(segmentsOf(net, part, 500, 100)).toEqual([part])
  })

  it('are longer where starting a run takes long', () => {
    const laptop = 1e-6 / 13
    expect([0.2, 2, 50, 150].map((overheadMs) => segmentLimitMs(15, overheadMs, laptop))).toEqual([15, 40, 100, 300])
    expect(segmentLimitMs(1e6, 50, laptop)).toBe(1e6)
  })

  it('are longer where little is computed in the time', () => {
    expect([13, 8, 6, 4, 1].map((gmacs) => Math.round(segmentLimitMs(15, 0.2, 1e-6 / gmacs)))).toEqual([
      15, 15, 27, 60, 100,
    ])
  })
})

describe('rows from several producers', () => {
  it('are joined in any order of arrival, overlapping or not', () => {
    const data = Float32Array.from({ length: 3 * 12 * 2 }, (_, i) => i)
    const whole: FeatureMap = { dtype: 'float32', dims: [1, 3, 12, 2], data }
    const range = fc
      .tuple(fc.nat(11), fc.integer({ min: 1, max: 12 }))
      .map(([start, n]) => ({ start, end: Math.min(12, start + n) }))
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), range, (parts, wanted) => {
        const assembler = new RowAssembler(whole.dims, wanted, 12)
        const covered = new Set<number>()
        let done: FeatureMap | undefined
        for (const rows of parts) {
          const got = assembler.add(joinRows([{ rows: { start: 0, end: 12 }, map: whole }], rows), rows)
          expect(done === undefined || got === undefined).toBe(true)
          done ??= got
          for (let row = rows.start; row < rows.end; row++) covered.add(row)
        }
        const complete = Array.from({ length: wanted.end - wanted.start }, (_, i) => covered.has(wanted.start + i))
        expect(done !== undefined).toBe(complete.every(Boolean))
        if (done !== undefined) expect(done).toEqual(joinRows([{ rows: { start: 0, end: 12 }, map: whole }], wanted))
      }),
      { seed: 9, numRuns: 300 },
    )
  })

  it('of another shape are refused', () => {
    const assembler = new RowAssembler([1, 3, 12, 2], undefined, 12)
    const map = { dtype: 'float32', dims: [1, 3, 4, 2], data: new Float32Array(24) } as const
    expect(() => assembler.add(map, { start: 0, end: 5 })).toThrow('came for')
    expect(() => assembler.add(map)).toThrow('came for')
    expect(() => assembler.add(map, { start: 9, end: 13 })).toThrow('came for')
  })
})

describe('recovery', () => {
  const helper = (device: string, gmacsPerSecond: number, load = 0) => ({
    device: device as DeviceId,
    backends: ['ort-wasm' as const],
    gmacsPerSecond,
    load,
  })
  const snapshot = {
    self: a,
    ownBackends: ['ort-webgpu' as const, 'ort-wasm' as const],
    holdsModel: true,
    mayLeave: true,
    helpers: [helper('b', 10, 0.9), helper('c', 5), helper('d', 20)],
    excluded: new Set([deviceId('d')]),
    lostBackends: new Set(['ort-webgpu' as const]),
  }

  it('is here when the model is held, on a backend that works', () => {
    expect(recoveryOrder(snapshot)[0]).toEqual({ device: a, backend: 'ort-wasm' })
  })

  it('is on the helper with most speed to spare when it is not', () => {
    const order = recoveryOrder({ ...snapshot, holdsModel: false })
    expect(order.map(({ device }) => device)).toEqual(['c', 'b', 'a'])
  })

  it('never sends away what the plan kept here', () => {
    expect(recoveryOrder({ ...snapshot, holdsModel: false, mayLeave: false })).toEqual([
      { device: a, backend: 'ort-wasm' },
    ])
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['t3', ['b']],
        ['logits', ['b']],
      ],
      {
        exits: [{ exit: 'exit1', device: 'a' }],
      },
    )
    const elsewhere = fallbackPlan(plan, { device: deviceId('c'), backend: 'ort-wasm' }, a)
    expect(elsewhere.volumes.map(({ shards: [shard] }) => shard?.device)).toEqual(['a', 'c', 'c'])
    expect(elsewhere.exits[0]?.device).toBe('a')
  })

  it('keeps the cuts, so that a map kept at one is the input of the same volume', () => {
    const plan = planOf(net, [
      ['t1', ['b', 0, 9], ['c', 9, 20]],
      ['t3', ['c']],
      ['logits', ['b']],
    ])
    const alone = fallbackPlan(plan, { device: a, backend: 'ort-wasm' }, a)
    expect(alone.volumes.map(({ from, to }) => [from, to])).toEqual(plan.volumes.map(({ from, to }) => [from, to]))
    expect(
      layOut(alone, net, a)
        .shards.flat()
        .every((shard) => shard.device === a),
    ).toBe(true)
  })

  it('sends the picture elsewhere as the plan does, and takes it as a tensor here', () => {
    const input = { kind: 'jpeg', quality: 0.5 } as const
    const plan = { ...planOf(net, [['logits', ['b']]]), input }
    expect(fallbackPlan(plan, { device: deviceId('c'), backend: 'ort-wasm' }, a).input).toEqual(input)
    expect(fallbackPlan(plan, { device: a, backend: 'ort-wasm' }, a).input).toEqual({ kind: 'tensor' })
    const begunHere = {
      ...planOf(net, [
        ['t1', ['a']],
        ['logits', ['b']],
      ]),
      input,
    }
    expect(fallbackPlan(begunHere, { device: deviceId('c'), backend: 'ort-wasm' }, a).input).toEqual({ kind: 'tensor' })
  })
})
