import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { colourNet } from '@roomful/model/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from './run.ts'

let folder: string

const ROOM = {
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 0.01, overheadMs: 0.5 },
    { id: 'laptop', gmacsPerSecond: 1, overheadMs: 0.5 },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond: 50, rttMs: 4 }],
}
const SCENARIO = {
  model: 'net.onnx',
  room: ROOM,
  methods: ['local', 'offload'],
  requests: { kind: 'closed', count: 6 },
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-simulate-'))
  await writeFile(path.join(folder, 'net.onnx'), colourNet())
  await writeFile(path.join(folder, 'room.json'), JSON.stringify(ROOM))
})

afterAll(() => rm(folder, { recursive: true }))

async function roomful(...argv: string[]) {
  let stdout = ''
  let stderr = ''
  const code = await runCommandLine(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    cwd: folder,
    signal: new AbortController().signal,
  })
  return { code, stdout, stderr }
}

async function simulated(scenario: object, ...options: string[]) {
  await writeFile(path.join(folder, 'scenario.json'), JSON.stringify(scenario))
  return roomful('simulate', 'scenario.json', '--json', ...options)
}

describe('simulate', () => {
  it('answers with timelines, percentiles and utilisation, the same each time', async () => {
    const { code, stdout } = await simulated(SCENARIO)
    expect(code).toBe(0)
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ percentiles: { count: 6, failed: 0 }, method: 'local', seed: 1 })
    expect(result.requests).toHaveLength(12)
    for (const { startMs, endMs, outcome, trace } of result.requests) {
      expect(outcome).toBe('ok')
      expect(endMs).toBeGreaterThan(startMs)
      expect(trace.spans.length).toBeGreaterThan(0)
    }
    expect(result.runs.map(({ method }: { method: string }) => method)).toEqual(['local', 'offload'])
    const [phone] = result.utilisation.devices
    expect(phone).toMatchObject({ device: 'phone' })
    expect(phone.share).toBeGreaterThan(0.5)
    expect((await simulated(SCENARIO)).stdout).toBe(stdout)
  })

  it('takes the time that plan predicts for the plan', async () => {
    const planned = await roomful('plan', 'net.onnx', '--room', 'room.json', '--method', 'auto', '--json')
    const [{ plan, predictedMs }] = JSON.parse(planned.stdout).plans
    const { methods: _, ...scenario } = SCENARIO
    const { percentiles } = JSON.parse((await simulated({ ...scenario, plan })).stdout)
    expect(Math.abs(percentiles.p50Ms - predictedMs)).toBeLessThan(0.5 + 0.02 * predictedMs)
  })

  it('refuses a tensor until which everything is private that the network does not have, as plan does', async () => {
    const limits = { privacy: 'raw-stays-local', privateUntil: 'nosuch' }
    await writeFile(path.join(folder, 'private.json'), JSON.stringify({ ...ROOM, limits }))
    const commands = [
      await simulated({ ...SCENARIO, room: { ...ROOM, limits } }),
      await roomful('plan', 'net.onnx', '--room', 'private.json', '--json'),
    ]
    for (const { code, stdout, stderr } of commands) {
      expect(code).not.toBe(0)
      expect(stdout).toBe('')
      expect(stderr).toContain('limits.privateUntil: the network cannot be cut at nosuch')
    }
  })

  it('writes Chrome trace events with a complete event per span', async () => {
    const { code } = await simulated(SCENARIO, '--trace', 'trace.json')
    expect(code).toBe(0)
    const trace = JSON.parse(await readFile(path.join(folder, 'trace.json'), 'utf8'))
    const events = Array.isArray(trace) ? trace : trace.traceEvents
    const complete = events.filter(({ ph }: { ph: string }) => ph === 'X')
    expect(complete.length).toBeGreaterThan(12)
    for (const { ts, dur, pid, tid } of complete) {
      expect(ts).toBeGreaterThanOrEqual(0)
      expect(dur).toBeGreaterThanOrEqual(0)
      expect([typeof pid, typeof tid]).toEqual(['number', 'number'])
    }
  })

  it.each([
    ['an unknown key', { ...SCENARIO, requests: { kind: 'closed', count: 6, often: 1 } }, 'unknown key requests.often'],
    ['an unknown device in an event', { ...SCENARIO, events: [{ atMs: 1, kind: 'kill', device: 'tv' }] }, 'tv'],
    ['a model that is not there', { ...SCENARIO, model: 'none.onnx' }, 'none.onnx'],
    ['a plan and methods', { ...SCENARIO, plan: {} }, 'not both'],
  ])('refuses %s by name', async (_, scenario, words) => {
    const { code, stderr, stdout } = await simulated(scenario)
    expect(code).not.toBe(0)
    expect(stdout + stderr).toContain(words)
  })

  it('says why when no method has a plan', async () => {
    const { code, stderr, stdout } = await simulated({ ...SCENARIO, room: { ...ROOM, limits: { deadlineMs: 0.001 } } })
    expect(code).not.toBe(0)
    expect(stdout + stderr).toContain('the deadline is 0.001 ms')
  })
})
