import { describe, expect, it } from 'vitest'
import { readRoom } from './room-file.ts'

const ROOM = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1.5, overheadMs: 0.5, memoryMb: 512, rowStep: 4 },
    {
      id: 'laptop',
      gmacsPerSecond: 12,
      table: [
        { rows: 8, efficiency: 1 },
        { rows: 2, efficiency: 0.6 },
      ],
    },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 100, rttMs: 4 }],
  limits: { maxAccuracyLoss: 0.01, deadlineMs: 500, privacy: 'none' },
}

const WASM = { backend: 'ort-wasm', gmacsPerSecond: 2 }
const TABLE = { rows: 4, efficiency: 0.5 }
const with2 = (laptop: object) => ({ ...ROOM, devices: [ROOM.devices[0], { id: 'laptop', ...laptop }] })

describe('ROOM.json', () => {
  it('takes coefficients as a profile carries them', () => {
    const fitted = { dense: [20, 0.1], run: [1, 1, 1, 1], rows: [4, 0.5, 16, 1] }
    const { topology } = readRoom(with2({ backends: [{ ...WASM, coefficients: fitted }] }))
    expect(topology.devices[1]?.backends[0]?.coefficients).toEqual(fitted)
  })

  it('becomes a topology, a predictor and limits', () => {
    const { topology, predictor, limits } = readRoom(ROOM)
    expect(topology.initiator).toBe('phone')
    expect(limits).toEqual(ROOM.limits)
    const [phone, laptop] = topology.devices
    if (phone === undefined || laptop === undefined) throw new Error('two devices expected')
    expect(predictor.compute(phone.id, 'ort-wasm')?.staircase(5, 16)).toBeCloseTo(8 / 5)
    expect(predictor.compute(laptop.id, 'ort-wasm')?.staircase(2, 16)).toBeCloseTo(1 / 0.6)
    expect(predictor.link(laptop.id, phone.id)?.serialMs(12_500)).toBeCloseTo(1)
  })

  it.each([
    [{ ...ROOM, colour: 'red' }, 'unknown key colour'],
    [{ ...ROOM, devices: [{ id: 'phone', gmacsPerSecond: 1, cores: 8 }], links: [] }, 'unknown key devices.0.cores'],
    [{ ...ROOM, initiator: 'tv' }, 'initiator tv is not among the devices'],
    [{ ...ROOM, links: [{ a: 'phone', b: 'tv', mbitPerSecond: 1, rttMs: 1 }] }, 'names tv'],
    [{ ...ROOM, links: [...ROOM.links, { a: 'laptop', b: 'phone', mbitPerSecond: 1 }] }, 'two links'],
    [{ ...ROOM, devices: [{ id: 'phone' }], links: [] }, 'either gmacsPerSecond or backends'],
    [{ ...ROOM, devices: [{ id: 'phone', gmacsPerSecond: -1 }], links: [] }, 'devices.0.gmacsPerSecond'],
    [{ ...ROOM, limits: { privacy: 'all' } }, 'limits.privacy'],
    [with2({ overheadMs: 3, backends: [WASM] }), 'overheadMs belongs to each of its backends'],
    [with2({ backends: [WASM, { ...WASM, gmacsPerSecond: 5 }] }), 'laptop has ort-wasm twice'],
    [with2({ gmacsPerSecond: 1, table: [{ rows: 4, efficiency: 1.5 }] }), 'devices.1.table.0.efficiency'],
    [with2({ gmacsPerSecond: 1, table: [TABLE, { ...TABLE, efficiency: 1 }] }), 'table has 4 rows twice'],
    [{ ...ROOM, limits: { wire: { bits: 8, entropy: 'deflate' } } }, 'limits.wire.entropy: the methods weigh no'],
    [7, '(root)'],
    [{}, 'initiator is missing'],
    [{ initiator: 'phone' }, 'devices is missing'],
    [{ ...ROOM, links: [{ a: 'phone', b: 'laptop' }] }, 'links.0.mbitPerSecond is missing'],
    [with2({ gmacsPerSecond: 1e-300 }), 'devices.1.gmacsPerSecond'],
    [with2({ gmacsPerSecond: 1, overheadMs: 1e308 }), 'devices.1.overheadMs'],
    [{ ...ROOM, links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 1e-320 }] }, 'links.0.mbitPerSecond'],
    [with2({ backends: [{ ...WASM, coefficients: { convs: [1] } }] }), 'laptop: unknown key coefficients.convs'],
    [with2({ backends: [{ ...WASM, coefficients: { dense: [1] } }] }), 'coefficients.dense needs 2 numbers, not 1'],
  ])('refuses what is wrong by name (%#)', (value, words) => {
    expect(() => readRoom(value)).toThrow(words)
  })
})
