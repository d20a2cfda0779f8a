import '@tensorflow/tfjs-backend-cpu'
import { seededRandom } from '@roomful/core'
import { readModel } from '@roomful/graph'
import { denseNet, NetBuilder, optionAResNet, pyramid, shuffleNet, squeezeExciteNet } from '@roomful/graph/testing'
import { elementCount, type FeatureMap, type FeatureMaps } from '@roomful/tensor'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { createOrtNodeEngine } from '../node/ort-node-engine.ts'
import { randomInput, randomValues, smallNet } from '../testing/nets.ts'
import { OPERATOR_CASES } from '../testing/operator-cases.ts'
import { OPERATORS } from './operators/registry.ts'
import { TfjsEngine } from './tfjs-engine.ts'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

function inputsOf(model: Uint8Array): FeatureMaps {
  const random = seededRandom(3)
  return Object.fromEntries(
    readModel(model).inputs.map(({ name, shape = [] }): [string, FeatureMap] => {
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1))
      return [name, { dtype: 'float32', dims, data: randomValues(elementCount(dims), random) }]
    }),
  )
}

/** Both engines on the same input; equal within 1e-4 of the range. */
async function agrees(model: Uint8Array): Promise<void> {
  await using reference = createOrtNodeEngine({ optimisation: 'disabled' })
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  const inputs = inputsOf(model)
  const expected = (await (await reference.load(model)).run(inputs)).outputs
  await using session = await engine.load(model)
  const { outputs } = await session.run(inputs, { keepInputs: true })
  expect(Object.keys(outputs)).toEqual(Object.keys(expected))
  for (const [name, want] of Object.entries(expected)) {
    const got = outputs[name]
    expect(got?.dims).toEqual(want.dims)
    const values = Array.from(want.data, Number)
    const range = Math.max(1e-6, ...values.map(Math.abs))
    let worst = 0
    for (const [i, value] of values.entries()) worst = Math.max(worst, Math.abs(value - Number(got?.data[i])))
    expect(worst / range).toBeLessThan(1e-4)
  }
  await session[Symbol.asyncDispose]()
  expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
}

describe('TensorFlow.js answers as ONNX Runtime, and leaves no tensor behind', () => {
  for (const { title, opset = 13, build } of OPERATOR_CASES) {
    test(title, async () => {
      const net = new NetBuilder({ opset, seed: 5 })
      build(net)
      await agrees(net.bytes())
    })
  }

  const nets = { optionAResNet, denseNet, shuffleNet, squeezeExciteNet, pyramid }
  for (const [name, make] of Object.entries(nets)) {
    test(`the whole net ${name}`, () => agrees(make({ opset: 14 }).bytes()))
  }
})

test('every operator of the registry is among the cases', () => {
  const seen = new Set<string>()
  for (const { opset = 13, build } of OPERATOR_CASES) {
    const net = new NetBuilder({ opset })
    build(net)
    for (const node of net.graph().nodes) seen.add(node.op)
  }
  expect([...OPERATORS.keys()].filter((op) => !seen.has(op))).toEqual([])
})

test('an operator that does not run here is named with its node before anything runs', async () => {
  const net = new NetBuilder({ opset: 13 })
  const x = net.conv(net.input('x', [1, 3, 4, 4]), { out: 2, kernel: 3 })
  net.output(net.op('DepthToSpace', [net.conv(x, { out: 4, kernel: 1 })], { blocksize: 2 }))
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  const loading = engine.load(net.bytes())
  await expect(loading).rejects.toMatchObject({ reason: 'unsupported' })
  await expect(loading).rejects.toThrow(/operator DepthToSpace of node 'DepthToSpace_\d+'/)
  expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('a form of an operator that does not run here is named, and uploaded weights are given back', async () => {
  const net = new NetBuilder({ opset: 13 })
  const x = net.conv(net.input('x', [1, 3, 4, 4]), { out: 2, kernel: 3 })
  net.output(net.op('Pad', [x, net.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'edge' }))
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  await expect(engine.load(net.bytes())).rejects.toThrow(/Pad '.*': mode edge/)
  expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('garbage is malformed; wrong shapes and types are refused before the run', async () => {
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  await expect(engine.load(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ reason: 'malformed' })
  await using session = await engine.load(smallNet())
  await expect(session.run({})).rejects.toMatchObject({ reason: 'shape' })
  await expect(session.run({ x: randomInput([1, 3, 8, 8]) })).rejects.toMatchObject({ reason: 'shape' })
  const half = { dtype: 'float16', dims: [1, 3, 16, 16], data: new Uint16Array(768) } as const
  await expect(session.run({ x: half })).rejects.toMatchObject({ reason: 'shape' })
})

test('many runs keep the number of tensors, and a disposed session says so', async () => {
  await using engine = new TfjsEngine({ backend: 'tfjs-webgl' })
  const session = await engine.load(smallNet())
  const held = (await engine.counters()).liveTensors
  for (let i = 0; i < 20; i++) await session.run({ x: randomInput([1, 3, 16, 16], i) })
  expect((await engine.counters()).liveTensors).toBe(held)
  await session[Symbol.asyncDispose]()
  await expect(session.run({ x: randomInput([1, 3, 16, 16]) })).rejects.toMatchObject({ reason: 'disposed' })
  expect(await engine.counters()).toEqual({ sessions: 0, liveTensors: 0 })
})

test('a lost device ends the engine', async () => {
  let lose: (message: string) => void = () => {}
  const engine = new TfjsEngine({
    backend: 'tfjs-webgpu',
    watch: (lost) => {
      lose = lost
    },
  })
  const session = await engine.load(smallNet())
  lose('the GPU device was lost')
  expect((await engine.lost).reason).toBe('lost')
  await expect(session.run({ x: randomInput([1, 3, 16, 16]) })).rejects.toMatchObject({ reason: 'lost' })
  await session[Symbol.asyncDispose]()
})
