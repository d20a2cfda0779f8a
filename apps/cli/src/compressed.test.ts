import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { compressedPackage } from '@roomful/model/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from './run.ts'

let folder: string

/** Pictures stay with the phone, so that a whole offload is out of the question. */
const room = (maxAccuracyLoss: number, mbitPerSecond: number) => ({
  initiator: 'phone',
  devices: [
    { id: 'phone', gmacsPerSecond: 1, overheadMs: 0.2 },
    { id: 'laptop', gmacsPerSecond: 40, overheadMs: 0.2 },
  ],
  links: [{ a: 'phone', b: 'laptop', mbitPerSecond, rttMs: 2, startWindowBytes: 1e9 }],
  limits: { maxAccuracyLoss, privacy: 'raw-stays-local', seed: 3 },
})

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-compressed-'))
  await mkdir(path.join(folder, 'package'))
  for (const [name, bytes] of await compressedPackage()) await writeFile(path.join(folder, 'package', name), bytes)
})

afterAll(() => rm(folder, { recursive: true }))

async function json(...argv: string[]) {
  let stdout = ''
  let stderr = ''
  await runCommandLine([...argv, '--json'], {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    cwd: folder,
    signal: new AbortController().signal,
  })
  expect(stderr).not.toMatch(/^roomful:/m)
  return JSON.parse(stdout)
}

async function planned(method: string, maxAccuracyLoss: number, mbitPerSecond = 5) {
  await writeFile(path.join(folder, 'room.json'), JSON.stringify(room(maxAccuracyLoss, mbitPerSecond)))
  const { plans } = await json('plan', 'package', '--room', 'room.json', '--method', method)
  return plans[0]
}

const bottlenecks = ({ plan }: { plan: { volumes: { wire: { bottleneck?: string } }[] } }) =>
  plan.volumes.flatMap(({ wire }) => wire.bottleneck ?? [])

describe('a package with a thinned trunk and a bottleneck', { timeout: 60_000 }, () => {
  it.each(['cogent', 'ecnu', 'auto'])('%s takes the thinned trunk where its loss is allowed', async (method) => {
    const thin = await planned(method, 0.01, 0.2)
    const local = await planned('local', 0.01, 0.2)
    expect(thin.plan.trunk).toBe('slim')
    expect(thin.predictedMs).toBeLessThan(0.5 * local.predictedMs)
    expect(thin.accuracyLoss).toBeCloseTo(0.008, 2)
    expect(thin.notes.join()).not.toContain('the model package has no')
  })

  it.each(['ecnu', 'auto'])('%s cuts at the bottleneck where only its loss is allowed', async (method) => {
    const cut = await planned(method, 0.005)
    const plain = await planned('neurosurgeon', 0.005)
    expect(cut.plan.trunk).toBe('main')
    expect(bottlenecks(cut)).toEqual(['narrow'])
    expect(cut.predictedMs).toBeLessThan(plain.predictedMs)
    expect(cut.notes.join()).not.toContain('the model package has no')
  })

  it('jalad weighs the bit widths with the losses that the package states', async () => {
    const cut = await planned('jalad', 0.003)
    const bits = cut.plan.volumes.map(({ wire }: { wire: { bits: number } }) => wire.bits)
    expect(bits[0]).toBe(4)
    expect(cut.notes.join()).not.toContain('assumed')
  })

  it('runs on the thinned trunk in simulation as predicted', async () => {
    const scenario = {
      model: 'package',
      room: room(0.01, 0.2),
      methods: ['cogent', 'ecnu'],
      requests: { kind: 'closed', count: 10 },
    }
    await writeFile(path.join(folder, 'scenario.json'), JSON.stringify(scenario))
    const { runs } = await json('simulate', 'scenario.json')
    for (const { plan, percentiles } of runs) {
      expect(plan.trunk).toBe('slim')
      expect(Math.abs(percentiles.p50Ms / plan.predicted.latencyMs - 1)).toBeLessThan(0.05)
    }
  })
})
