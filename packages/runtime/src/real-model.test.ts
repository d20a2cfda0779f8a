import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type DeviceId, deviceId, type LayerVolume, type Plan, seededRandom, systemClock } from '@roomful/core'
import { createOrtNodeEngine } from '@roomful/engine/node'
import { memorySource, type PackageSource } from '@roomful/model'
import type { FeatureMap } from '@roomful/tensor'
import type { Room } from '@roomful/transport'
import { bareProfile, createMemoryNetwork, linked } from '@roomful/transport/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PackageLibrary } from './model/package-library.ts'
import type { PackageModel } from './model/package-model.ts'
import { peerSource, serveModels } from './model/peer-source.ts'
import { Runtime } from './runtime.ts'
import { tensorCodec } from './wire/tensor-codec.ts'

const folder = new URL('../../../public/models/imagenette/', import.meta.url)
const present = existsSync(folder)
if (!present) console.info('real-model.test.ts: skipped, public/models/imagenette is not there')

async function packageSource(): Promise<PackageSource> {
  const names = ['model.json', 'graph.onnx', 'weights.bin']
  const files = await Promise.all(names.map(async (name) => [name, await readFile(new URL(name, folder))] as const))
  return memorySource(Object.fromEntries(files.map(([name, bytes]) => [name, new Uint8Array(bytes)])))
}

const ids = ['a', 'b', 'c'].map(deviceId)
const [A, B, C] = ids as [DeviceId, DeviceId, DeviceId]

describe.runIf(present)('the shipped model on ONNX Runtime', () => {
  const engine = createOrtNodeEngine({ optimisation: 'disabled' })
  const rooms: Room[] = []
  const runtimes: Runtime[] = []
  const undo: (() => void)[] = []
  let model: PackageModel

  beforeAll(async () => {
    const network = createMemoryNetwork({
      clock: systemClock,
      random: seededRandom(1),
      link: { rttMs: 1, mbitPerSecond: 2000 },
    })
    for (const id of ids) {
      const room = network.join(bareProfile(id))
      rooms.push(room)
      const library = new PackageLibrary({ peer: (device, digest) => peerSource(room, device, digest) })
      // Only `a` has loaded the model; the others get manifest, graph and their weights from it.
      if (id === A) model = await library.add(await packageSource())
      undo.push(serveModels(room, (digest) => library.held(digest)))
      const engines = { backends: ['ort-node' as const], engine: async () => engine }
      runtimes.push(new Runtime({ room, clock: systemClock, engines, library, codec: tensorCodec, prefetch: false }))
    }
    await Promise.all(rooms.flatMap((room) => ids.filter((id) => id !== room.self).map((id) => linked(room, id))))
  })

  afterAll(async () => {
    for (const runtime of runtimes) await runtime[Symbol.asyncDispose]()
    for (const one of undo) one()
    for (const room of rooms) await room[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  const random = seededRandom(5)
  const picture = () => {
    const data = Uint8Array.from({ length: 200 * 170 * 4 }, (_, i) => (i * 31 + random.int(90)) & 255)
    return { picture: { width: 200, height: 170, data } }
  }

  function plan(
    volumes: readonly Omit<LayerVolume, 'from' | 'wire' | 'route'>[],
    more: Partial<Plan> & { wire?: LayerVolume['wire'] } = {},
  ): Plan {
    const { wire = { bits: 32, entropy: 'none' }, ...rest } = more
    return {
      model: model.digest,
      trunk: 'main',
      input: { kind: 'tensor' },
      volumes: volumes.map((volume, i) => ({
        ...volume,
        from: volumes[i - 1]?.to ?? model.input.tensor,
        wire,
        route: 'peer',
      })),
      exits: [],
      predicted: { latencyMs: 500, fullMs: 500, throughputPerSecond: 2, bytes: 0 },
      method: 'test',
      ...rest,
    }
  }
  const on = (device: DeviceId, start?: number, end?: number) => ({
    device,
    backend: 'ort-node' as const,
    ...(start === undefined || end === undefined ? {} : { rows: { start, end } }),
  })

  function relativeError(actual: FeatureMap | undefined, wanted: FeatureMap | undefined): number {
    const values = [...((wanted?.data as Float32Array | undefined) ?? [])]
    const range = Math.max(...values) - Math.min(...values)
    return Math.max(...values.map((x, i) => Math.abs(x - Number(actual?.data[i])))) / range
  }

  const shapes: Record<string, () => Plan> = {
    'one cut': () =>
      plan([
        { to: 'stage1_block2', shards: [on(A)] },
        { to: 'logits', shards: [on(B)] },
      ]),
    'three row shards': () =>
      plan([
        { to: 'stage1_block1', shards: [on(A, 0, 5), on(B, 5, 12), on(C, 12, 20)] },
        { to: 'logits', shards: [on(C)] },
      ]),
    'shards to shards': () =>
      plan([
        { to: 'stem', shards: [on(B, 0, 23), on(C, 23, 40)] },
        { to: 'stage2_block1', shards: [on(A, 0, 4), on(B, 4, 10)] },
        { to: 'logits', shards: [on(A)] },
      ]),
  }
  for (const [name, make] of Object.entries(shapes)) {
    it(`${name}: the single-device answer within 1e-4`, async () => {
      const [a] = runtimes as [Runtime]
      const local = await a.prepare(plan([{ to: 'logits', shards: [on(A)] }]))
      await a.install(make())
      const input = picture()
      const wanted = await a.infer(input, { plan: local })
      const split = await a.infer(input)
      expect(relativeError(split.outputs[0], wanted.outputs[0])).toBeLessThan(1e-4)
      expect(split.trace.recovered).toBeUndefined()
      a.retire(local)
    })
  }

  it('8-bit wire: the same label', async () => {
    const [a] = runtimes as [Runtime]
    const local = await a.prepare(plan([{ to: 'logits', shards: [on(A)] }]))
    const wire = { bits: 8, entropy: 'deflate' } as const
    await a.install(
      plan(
        [
          { to: 'stage1_block2', shards: [on(A)] },
          { to: 'logits', shards: [on(B)] },
        ],
        { wire },
      ),
    )
    let same = 0
    for (let i = 0; i < 5; i++) {
      const input = picture()
      const [wanted, split] = [await a.infer(input, { plan: local }), await a.infer(input)]
      if (wanted.labelIndex === split.labelIndex) same++
    }
    expect(same).toBe(5)
    a.retire(local)
  })

  it('an exit on another device answers as the model does there', async () => {
    const [a] = runtimes as [Runtime]
    const exits = [{ exit: 'exit1', device: C, backend: 'ort-node' as const, threshold: 0, mode: 'wait' as const }]
    await a.install(
      plan(
        [
          { to: 'stage1_block1', shards: [on(A)] },
          { to: 'logits', shards: [on(B)] },
        ],
        { exits },
      ),
    )
    const result = await a.infer(picture())
    expect(result.exit).toBe('exit1')
    expect(result.probabilities).toHaveLength(10)
  })

  it('helpers fetched only the weights of their parts', async () => {
    const [a] = runtimes as [Runtime]
    const installed = await a.prepare(
      plan([
        { to: 'stage3_block1', shards: [on(A)] },
        { to: 'logits', shards: [on(B)] },
      ]),
    )
    const fetched = installed.prepared.find(({ device }) => device === B)?.fetchedBytes ?? 0
    expect(fetched).toBeLessThan(model.package.manifest.files.weights.bytes)
    a.retire(installed)
  })

  it('refuses rows through a layer that needs all of them, naming it', async () => {
    const [a] = runtimes as [Runtime]
    const wrong = plan([
      { to: 'classify/mean', shards: [on(A, 0, 1), on(B, 1, 2)] },
      { to: 'logits', shards: [on(A)] },
    ])
    await expect(a.install(wrong)).rejects.toMatchObject({ reason: 'bad-plan' })
  })
})
