import { deviceId, type LayerVolume, type Shard, seededRandom, systemClock } from '@roomful/core'
import { createOrtNodeEngine } from '@roomful/engine/node'
import { compose, extract, readModel, writeModel } from '@roomful/graph'
import { NetBuilder } from '@roomful/graph/testing'
import { ModelPackage, memorySource, prepareModel, sha256 } from '@roomful/model'
import { bareProfile, createMemoryNetwork, linked } from '@roomful/transport/testing'
import { describe, expect, it } from 'vitest'
import { PackageModel } from './model/package-model.ts'
import { Runtime } from './runtime.ts'
import { tensorCodec } from './wire/tensor-codec.ts'

/** A net of 16 channels at its cut, and a generated pair that squeezes them to 4 for the way. */
async function squeezed() {
  const net = new NetBuilder({ seed: 3 })
  const trunk = net.conv(net.input('x', [1, 3, 16, 16]), { out: 16, kernel: 3 })
  const cut = net.op('Relu', [trunk])
  const deeper = net.op('Relu', [net.conv(cut, { out: 16, kernel: 3 })])
  const tail = net.op('GlobalAveragePool', [net.conv(deeper, { out: 16, kernel: 3 })])
  net.output(net.op('Flatten', [tail]))
  const pair = (from: number, to: number, seed: number) => {
    const half = new NetBuilder({ seed })
    half.output(half.conv(half.input(`in${seed}`, [1, from, 16, 16]), { out: to, kernel: 1 }))
    return writeModel(half.graph()).model
  }
  const encoder = pair(16, 4, 11)
  const decoder = pair(4, 16, 12)
  const prepared = await prepareModel(net.graph())
  const file = async (path: string, bytes: Uint8Array) => ({ path, bytes: bytes.length, sha256: await sha256(bytes) })
  const bottleneck = { encoder: await file('enc.onnx', encoder), decoder: await file('dec.onnx', decoder) }
  const variant = { name: 'squeeze', bits: 32, bottleneck, bytes: 4 * 16 * 16 * 4 }
  const manifest = {
    ...prepared.manifest,
    partitionPoints: prepared.manifest.partitionPoints.map((point) =>
      point.tensor === cut ? { ...point, variants: [...point.variants, variant] } : point,
    ),
  }
  const source = memorySource({
    'model.json': new TextEncoder().encode(JSON.stringify(manifest)),
    'graph.onnx': prepared.graphBytes,
    'weights.bin': prepared.weightsBytes,
    'enc.onnx': encoder,
    'dec.onnx': decoder,
  })
  const model = await PackageModel.of(await ModelPackage.open(source), source)
  const [output] = net.graph().outputs
  const head = compose(extract(net.graph(), 'x', cut), readModel(encoder))
  const rest = compose(readModel(decoder), extract(net.graph(), cut, output?.name ?? ''))
  return { model, cut, deeper, output: output?.name ?? '', reference: writeModel(compose(head, rest)).model }
}

const wire = { bits: 32, entropy: 'none' } as const
const on = (id: string, start?: number, end?: number): Shard => ({
  device: deviceId(id),
  backend: 'ort-node',
  ...(start === undefined || end === undefined ? {} : { rows: { start, end } }),
})

/** Two devices; `answer` runs a plan of these volumes on them and compares with the net as one session. */
async function room({ model, output, reference }: Awaited<ReturnType<typeof squeezed>>) {
  const engine = createOrtNodeEngine({ optimisation: 'disabled' })
  const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1), link: { rttMs: 1 } })
  const devices = ['a', 'b'].map((id) => {
    const room = network.join(bareProfile(id))
    const engines = { backends: ['ort-node' as const], engine: async () => engine }
    const library = { open: async () => model }
    return { room, runtime: new Runtime({ room, clock: systemClock, engines, library, codec: tensorCodec }) }
  })
  const [a, b] = devices
  if (a === undefined || b === undefined) throw new Error('no devices')
  await linked(a.room, b.room.self)
  const tensor = {
    dtype: 'float32',
    dims: [1, 3, 16, 16],
    data: new Float32Array(768).map((_, i) => Math.sin(i)),
  } as const
  const install = (volumes: readonly Pick<LayerVolume, 'to' | 'shards' | 'wire'>[]) =>
    a.runtime.install({
      model: model.digest,
      trunk: 'main',
      input: { kind: 'tensor' },
      volumes: volumes.map((volume, k) => ({ ...volume, from: volumes[k - 1]?.to ?? 'x', route: 'peer' })),
      exits: [],
      predicted: { latencyMs: 100, fullMs: 100, throughputPerSecond: 1, bytes: 0 },
      method: 'test',
    })
  return {
    output,
    install,
    async answer(volumes: readonly Pick<LayerVolume, 'to' | 'shards' | 'wire'>[]) {
      await install(volumes)
      const { outputs, trace } = await a.runtime.infer({ tensor })
      expect(trace.recovered).toBeUndefined()
      const session = await engine.load(reference)
      const wanted = Object.values((await session.run({ x: tensor })).outputs)[0]?.data as Float32Array
      const range = Math.max(...wanted) - Math.min(...wanted)
      const error = Math.max(...wanted.map((x, i) => Math.abs(x - Number(outputs[0]?.data[i]))))
      expect(error / range).toBeLessThan(1e-4)
      return trace.spans.find((span) => span.kind === 'transfer' && span.to === 'b')?.bytes ?? 0
    },
    async [Symbol.asyncDispose]() {
      for (const { runtime, room } of devices) {
        await runtime[Symbol.asyncDispose]()
        await room[Symbol.asyncDispose]()
      }
      await engine[Symbol.asyncDispose]()
    },
  }
}

describe('a learned bottleneck', () => {
  const code = { ...wire, bottleneck: 'squeeze' }

  it('is composed into head, tail and exits, and a quarter of the bytes travel', async () => {
    const net = await squeezed()
    await using two = await room(net)
    const sent = await two.answer([
      { to: net.cut, shards: [on('a')], wire: code },
      { to: net.output, shards: [on('b')], wire },
    ])
    expect(sent).toBeGreaterThan(4 * 16 * 16 * 4 - 1)
    expect(sent).toBeLessThan(4 * 16 * 16 * 4 + 100)
  })

  it('may come before rows: each shard decodes the whole and takes its rows of it', async () => {
    const net = await squeezed()
    await using two = await room(net)
    await two.answer([
      { to: net.cut, shards: [on('a', 0, 16)], wire: code },
      { to: net.deeper, shards: [on('a', 0, 5), on('b', 5, 16)], wire },
      { to: net.output, shards: [on('b')], wire },
    ])
  })

  it('does not come after rows: its encoder takes the whole', async () => {
    const net = await squeezed()
    await using two = await room(net)
    const rows = two.install([
      { to: net.cut, shards: [on('a', 0, 5), on('b', 5, 16)], wire: code },
      { to: net.output, shards: [on('b')], wire },
    ])
    await expect(rows).rejects.toMatchObject({
      reason: 'bad-plan',
      message: expect.stringContaining('squeeze takes the whole'),
    })
  })
})
