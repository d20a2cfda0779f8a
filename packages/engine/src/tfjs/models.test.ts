import '@tensorflow/tfjs-backend-cpu'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadWeights, readModel, writeModel } from '@roomful/graph'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { createOrtNodeEngine } from '../node/ort-node-engine.ts'
import { randomInput } from '../testing/nets.ts'
import { TfjsEngine } from './tfjs-engine.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
const SHIPPED = path.join(ROOT, 'public/models')
const SHARED = path.join(ROOT, '../shared/models')
/** Nets of others: a detector with shuffles and resizes, a face net with PReLU, a net with reshaped weights, a ResNet. */
const PUBLIC_NETS = ['fastestdet.onnx', 'minifasnet_v2.onnx', 'mnist.onnx', 'onnc_resnet20.onnx']

beforeAll(async () => {
  await tf.setBackend('cpu')
})

async function agrees(model: Uint8Array): Promise<void> {
  const inputs = readModel(model).inputs.map(({ name, shape = [] }) => {
    return [name, randomInput(shape.map((dim) => (typeof dim === 'number' ? dim : 1)))] as const
  })
  const feeds = Object.fromEntries(inputs)
  await using reference = createOrtNodeEngine()
  const expected = (await (await reference.load(model)).run(feeds)).outputs
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  await using session = await engine.load(model)
  const { outputs } = await session.run(feeds)
  for (const [name, { dims, data }] of Object.entries(expected)) {
    const values = Array.from(data, Number)
    const range = Math.max(1e-6, ...values.map(Math.abs))
    const got = outputs[name]
    expect(got?.dims).toEqual(dims)
    const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(got?.data[i]))), 0)
    expect(worst / range).toBeLessThan(1e-4)
  }
}

function shippedModels(): string[] {
  if (!existsSync(SHIPPED)) return []
  return readdirSync(SHIPPED).filter((name) => existsSync(path.join(SHIPPED, name, 'weights.bin')))
}

for (const name of shippedModels()) {
  test(`the shipped model ${name} answers on TensorFlow.js as on ONNX Runtime, every exit`, async () => {
    const file = (part: string) => new Uint8Array(readFileSync(path.join(SHIPPED, name, part)))
    const weights = file('weights.bin')
    const graph = loadWeights(readModel(file('graph.onnx')), ({ offset, length }) =>
      weights.subarray(offset, offset + length),
    )
    await agrees(writeModel(graph).model)
  })
}

if (existsSync(SHARED)) {
  test.each(PUBLIC_NETS)('the public net %s answers on TensorFlow.js as on ONNX Runtime', (name) =>
    agrees(new Uint8Array(readFileSync(path.join(SHARED, name)))),
  )
} else {
  test('public nets are not at hand: the folder ../shared/models is absent', () => {
    console.info('TensorFlow.js on public nets: not run, ../shared/models is absent')
  })
}
