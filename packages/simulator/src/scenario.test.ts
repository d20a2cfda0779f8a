import { SEGMENT_MS } from '@roomful/planner'
import { DEFAULT_LIMITS } from '@roomful/runtime'
import { describe, expect, it } from 'vitest'
import { lateComers, readScenario } from './scenario.ts'

const room = { initiator: 'a', devices: [{ id: 'a' }, { id: 'b' }] }
const base = { model: 'vgg16', room, requests: { kind: 'closed', count: 1 } }

it('cuts stages as the runtime does by default', () => {
  expect(SEGMENT_MS).toBe(DEFAULT_LIMITS.segmentMs)
})

describe('a scenario file', () => {
  it('needs a model, a room and requests, and fills in the rest', () => {
    expect(readScenario(base)).toMatchObject({ seed: 1, methods: ['auto'], replanning: true, events: [] })
  })

  it.each([
    [{ ...base, colour: 1 }, 'unknown key colour'],
    [{ ...base, requests: { ...base.requests, rate: 3 } }, 'unknown key requests.rate'],
    [{ ...base, requests: { kind: 'often', count: 1 } }, 'requests.kind'],
    [{ ...base, events: [{ atMs: 1, kind: 'load', device: 'b', load: 2 }] }, 'events.0.load'],
    [{ ...base, events: [{ atMs: 1, kind: 'leave', device: 'c' }] }, 'c is not among the devices'],
    [{ ...base, events: [{ atMs: 1, kind: 'kill', device: 'a' }] }, 'the initiator a stays'],
    [{ ...base, events: [{ atMs: 1, kind: 'link', a: 'b', b: 'b' }] }, 'from b to itself'],
    [{ ...base, methods: ['magic'] }, 'methods.0'],
    [{ ...base, methods: ['auto'], plan: {} }, 'either methods or a plan'],
    [{ model: 'vgg16', room }, 'requests is missing'],
    [{}, 'model is missing'],
    [{ ...base, events: [{ atMs: 1, kind: 'link', a: 'a', b: 'b', rttMs: 1e308 }] }, 'events.0.rttMs'],
    [
      { ...base, room: { initiator: 'a', devices: [{ id: 'a' }, { id: 'Tab B' }] } },
      'room.devices.1.id: an id of letters',
    ],
    [{ ...base, room: [] }, 'room'],
  ])('refuses %j', (value, why) => {
    expect(() => readScenario(value)).toThrow(why)
  })

  it('knows who comes later: whose first move is to join', () => {
    const events = [
      { atMs: 9, kind: 'leave', device: 'b' },
      { atMs: 5, kind: 'join', device: 'b' },
    ]
    expect([...lateComers(readScenario({ ...base, events }))]).toEqual(['b'])
    const away = [
      { atMs: 1, kind: 'leave', device: 'b' },
      { atMs: 5, kind: 'join', device: 'b' },
    ]
    expect(lateComers(readScenario({ ...base, events: away })).size).toBe(0)
  })
})
