import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { deviceId, seededRandom, systemClock } from '@roomful/core'
import { createOrtNodeEngine } from '@roomful/engine/node'
import { memorySource } from '@roomful/model'
import type { FeatureMap } from '@roomful/tensor'
import { afterAll, describe, expect, it } from 'vitest'
import { PackageLibrary } from '../model/package-library.ts'
import { givenBy, type StagePart, takenBy } from '../model/staged-model.ts'
import { SessionPool } from './session-pool.ts'
import { StageRunner } from './stage-runner.ts'

const folder = new URL('../../../../public/models/imagenette/', import.meta.url)
const present = existsSync(folder)
if (!present) console.info('local-segments.test.ts: skipped, public/models/imagenette is not there')

describe.runIf(present)('a stage of sessions between which several tensors cross', async () => {
  const engine = createOrtNodeEngine({ optimisation: 'disabled' })
  const pool = new SessionPool({ backends: ['ort-node'], engine: async () => engine }, { sessions: 0 })
  const names = ['model.json', 'graph.onnx', 'weights.bin']
  const read = async (name: string) => [name, new Uint8Array(await readFile(new URL(name, folder)))] as const
  const model = await new PackageLibrary().add(memorySource(Object.fromEntries(await Promise.all(names.map(read)))))
  const self = deviceId('self')
  const runner = new StageRunner({ self, clock: systemClock, jobsPerInitiator: 8, onBusy: () => {} })

  afterAll(async () => {
    await pool[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  const random = seededRandom(3)
  const noise = (dims: readonly number[]): FeatureMap => {
    const length = dims.reduce((product, dim) => product * dim, 1)
    return { dtype: 'float32', dims, data: Float32Array.from({ length }, () => random.next() - 0.5) }
  }

  async function run({ from, to }: StagePart, parts: readonly StagePart[], input: FeatureMap, keepInput: boolean) {
    const leases = await Promise.all(parts.map((part) => pool.acquire(model, part, 'ort-node')))
    const segments = parts.map((part, i) => ({
      lease: leases[i] ?? expect.unreachable(),
      takes: takenBy(part),
      gives: givenBy(part),
    }))
    const kinds: string[] = []
    const outputs = await runner.run({
      tasks: [
        {
          stage: { backend: 'ort-node', from, to, segments },
          mark: { kind: 'compute', volume: 0 },
          onSpan: ({ kind }) => kinds.push(kind),
        },
      ],
      by: { owner: self, request: 0 },
      input,
      keepInput,
      signal: new AbortController().signal,
    })
    for (const lease of leases) lease.release()
    expect(kinds.filter((kind) => kind === 'compute')).toHaveLength(parts.length)
    return outputs
  }

  it('gives bit for bit what one session gives, for the trunk, an exit and a part of it', async () => {
    const [exit] = model.exits
    const wholes: StagePart[] = [
      { trunk: 'main', from: model.input.tensor, to: model.output.tensor },
      { trunk: 'main', from: exit?.from ?? '', to: exit?.output ?? '' },
      { trunk: 'main', from: 'stage1_block1', to: 'stage3_block1' },
    ]
    for (const whole of wholes) {
      const input = noise(model.shape(whole.from) ?? [])
      const wanted = await run(whole, [whole], input, true)
      for (const maxMacs of [3e6, 20e6, 60e6]) {
        const parts = model.split(whole, maxMacs) ?? expect.unreachable()
        expect(await run(whole, parts, input, maxMacs < 60e6)).toEqual(wanted)
      }
    }
  })

  it('lets several tensors cross inside of residual blocks only', () => {
    const whole = { trunk: 'main', from: model.input.tensor, to: model.output.tensor }
    const parts = model.split(whole, 3e6) ?? expect.unreachable()
    expect(parts.some(({ alsoFrom = [] }) => alsoFrom.length > 0)).toBe(true)
    expect(parts.length).toBeGreaterThan(model.split(whole, 60e6)?.length ?? 0)
    expect(model.split(whole, 1e12)).toEqual([whole])
  })

  it('leaves rows to the partition points', () => {
    const strip = { trunk: 'main', from: model.input.tensor, to: 'stage1_block1', rows: { start: 0, end: 7 } }
    expect(model.split(strip, 3e6)).toBeUndefined()
  })
})
