import { type DeviceId, deviceId, type Plan, seededRandom, systemClock } from '@roomful/core'
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
  const tail = net.op('GlobalAveragePool', [net.conv(cut, { out: 16, kernel: 3 })])
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
  return { model, cut, output: output?.name ?? '', reference: writeModel(compose(head, rest)).model }
}

describe('a learned bottleneck', () => {
  it('is composed into head, tail and exits, and a quarter of the bytes travel', async () => {
    const { model, cut, output, reference } = await squeezed()
    const engine = createOrtNodeEngine({ optimisation: 'disabled' })
    const network = createMemoryNetwork({ clock: systemClock, random: seededRandom(1), link: { rttMs: 1 } })
    const [a, b] = ['a', 'b'].map((id) => {
      const room = network.join(bareProfile(id))
      const engines = { backends: ['ort-node' as const], engine: async () => engine }
      const library = { open: async () => model }
      return { room, runtime: new Runtime({ room, clock: systemClock, engines, library, codec: tensorCodec }) }
    })
    if (a === undefined || b === undefined) throw new Error('no devices')
    await linked(a.room, b.room.self)
    const on = (id: string) => [{ device: deviceId(id) as DeviceId, backend: 'ort-node' as const }]
    const wire = { bits: 32, entropy: 'none' } as const
    const plan: Plan = {
      model: model.digest,
      trunk: 'main',
      input: { kind: 'tensor' },
      volumes: [
        { from: 'x', to: cut, shards: on('a'), wire: { ...wire, bottleneck: 'squeeze' }, route: 'peer' },
        { from: cut, to: output, shards: on('b'), wire, route: 'peer' },
      ],
      exits: [],
      predicted: { latencyMs: 100, fullMs: 100, throughputPerSecond: 1, bytes: 0 },
      method: 'test',
    }
    await a.runtime.install(plan)
    const tensor = {
      dtype: 'float32',
      dims: [1, 3, 16, 16],
      data: new Float32Array(768).map((_, i) => Math.sin(i)),
    } as const
    const { outputs, trace } = await a.runtime.infer({ tensor })
    const session = await engine.load(reference)
    const whole = await session.run({ x: tensor })
    const wanted = Object.values(whole.outputs)[0]?.data as Float32Array
    const range = Math.max(...wanted) - Math.min(...wanted)
    const error = Math.max(...wanted.map((x, i) => Math.abs(x - Number(outputs[0]?.data[i]))))
    expect(error / range).toBeLessThan(1e-4)
    const sent = trace.spans.find((span) => span.kind === 'transfer' && span.to === 'b')?.bytes ?? 0
    expect(sent).toBeGreaterThan(4 * 16 * 16 * 4 - 1)
    expect(sent).toBeLessThan(4 * 16 * 16 * 4 + 100)
    for (const { runtime, room } of [a, b]) {
      await runtime[Symbol.asyncDispose]()
      await room[Symbol.asyncDispose]()
    }
    await engine[Symbol.asyncDispose]()
  })
})
