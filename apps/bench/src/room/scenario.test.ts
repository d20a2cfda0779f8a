import { describe, expect, it } from 'vitest'
import { linkOf, loadScenario, readScenario, ScenarioError, scenarioNames, shapeOf } from './scenario.ts'

const TWO = {
  about: 'two',
  devices: [
    { name: 'a', cores: 0.5, mbitPerSecond: 50 },
    { name: 'b', cores: 1 },
  ],
  link: { mbitPerSecond: 100, rttMs: 4 },
}

describe('scenario files', () => {
  it('all read', () => {
    expect(scenarioNames()).toEqual(['crowd', 'flaky', 'four-equal', 'mixed-room', 'phone-laptop', 'slow-wifi'])
    for (const name of scenarioNames()) expect(loadScenario(name).devices.length).toBeGreaterThan(1)
  })

  it('give each pair the slower of its two ways into the network', () => {
    const room = loadScenario('mixed-room')
    expect(linkOf(room, 'laptop', 'tablet').mbitPerSecond).toBe(100)
    expect(linkOf(room, 'phone', 'laptop').mbitPerSecond).toBe(50)
    expect(shapeOf(readScenario('two', TWO), 'b', 'a')).toMatchObject({ delayMs: 2, mbitPerSecond: 50 })
  })

  it('let a pair differ from the rest', () => {
    const room = readScenario('two', { ...TWO, links: [{ a: 'b', b: 'a', rttMs: 30, lossProbability: 0.1 }] })
    expect(shapeOf(room, 'a', 'b')).toEqual({ delayMs: 15, jitterMs: 0, lossProbability: 0.1, mbitPerSecond: 50 })
  })

  it('are refused with the key that is wrong', () => {
    const refused = (change: object) => {
      try {
        readScenario('two', { ...TWO, ...change })
      } catch (error) {
        if (error instanceof ScenarioError) return error.message
      }
      return undefined
    }
    expect(refused({ speed: 1 })).toBe('two: unknown key speed')
    expect(refused({ devices: [{ name: 'a', cores: 0 }] })).toContain('devices.0.cores')
    expect(refused({ links: [{ a: 'a', b: 'nobody' }] })).toBe('two: nobody is not among the devices')
    expect(refused({ events: [{ atMs: 1, kind: 'explode', device: 'a' }] })).toContain('events.0.kind')
    expect(refused({ devices: [TWO.devices[0], TWO.devices[0]] })).toContain('same name')
    expect(refused({ links: [{ a: 'a', b: 'a' }] })).toContain('a link of a with itself')
    const here = (atMs: number, kind: string) => ({ atMs, kind, device: 'b' })
    expect(refused({ events: [here(1, 'join')] })).toBe('two: b joins and is there already')
    expect(refused({ events: [here(9, 'join'), here(1, 'leave')] })).toBeUndefined()
    expect(refused({ events: [here(1, 'leave'), here(2, 'leave')] })).toBe('two: b leaves and is not there')
    expect(refused({ devices: [TWO.devices[0], { name: 'b', cores: 1, late: true }] })).toBe(
      'two: b is late and never joins',
    )
    expect(refused({ events: [{ atMs: 1, kind: 'leave', device: 'a' }] })).toContain('cannot leave')
    expect(refused({ devices: [{ name: 'a', cores: 1, browser: 'firefox', webgpu: true }] })).toContain('webgpu')
    expect(refused({ events: [{ atMs: 1, kind: 'signalling', state: 'melted' }] })).toContain('events.0.state')
    expect(() => loadScenario('../package')).toThrow('unknown scenario')
  })

  it('take one device or sixteen, and every event', () => {
    const device = (name: string) => ({ name, cores: 0.1 })
    const many = Array.from({ length: 16 }, (_, index) => device(`d${index}`))
    expect(readScenario('one', { ...TWO, devices: [device('a')] }).devices).toHaveLength(1)
    expect(readScenario('many', { ...TWO, devices: many }).devices).toHaveLength(16)
    expect(() => readScenario('more', { ...TWO, devices: [...many, device('x')] })).toThrow('devices')
    const events = [
      { atMs: 1, kind: 'link', a: 'a', b: 'b', frozen: true },
      { atMs: 2, kind: 'signalling', state: 'restarted' },
      { atMs: 3, kind: 'signalling-delay', delayMs: 100 },
    ]
    expect(readScenario('two', { ...TWO, events }).events).toEqual(events)
  })
})
