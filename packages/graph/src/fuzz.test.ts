import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type Random, seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { GraphError } from './error.ts'
import { extract } from './extract.ts'
import { readModel } from './format/read-model.ts'
import { writeModel } from './format/write-model.ts'
import { type ModelProto, ModelProtoSchema, NodeProtoSchema } from './gen/onnx-subset_pb.ts'
import { partitionPoints } from './partition.ts'
import * as nets from './testing/index.ts'
import { tile } from './tile.ts'
import { tileable } from './volume.ts'

const FILES = 10_000
/** Another seed tries other files: ROOMFUL_SEED=7 npx vitest run packages/graph/src/fuzz */
const SEED = Number(process.env['ROOMFUL_SEED'] ?? 90)

const originals: readonly Uint8Array[] = [
  nets.optionAResNet({ opset: 13 }).bytes(),
  nets.denseNet({ opset: 9 }).bytes(),
  nets.shuffleNet({ opset: 13 }).bytes(),
  nets.squeezeExciteNet({ opset: 14, dynamic: true }).bytes(),
  nets.pyramid({ opset: 18 }).bytes(),
  nets.staticQdqNet({ opset: 13 }).bytes(),
  writeModel(nets.vgg16()).model,
]

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array

const splice = (bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array => {
  const rest = bytes.subarray(at + remove)
  const out = new Uint8Array(at + insert.length + rest.length)
  out.set(bytes.subarray(0, at))
  out.set(insert, at)
  out.set(rest, at + insert.length)
  return out
}
const noise = (length: number, random: Random) => Uint8Array.from({ length }, () => random.int(256))

/** A change to the parsed file, so that the result is a well-formed message. */
const edited =
  (change: (model: ModelProto, random: Random) => void): Mutation =>
  (bytes, random) => {
    const model = fromBinary(ModelProtoSchema, bytes)
    change(model, random)
    return toBinary(ModelProtoSchema, model)
  }
const pick = <T>(items: readonly T[] | undefined, random: Random): T | undefined => items?.[random.int(items.length)]
/** Changes or appends an entry. */
const put = (list: bigint[], index: number, value: bigint | undefined) => {
  list[Math.min(index, list.length)] = value ?? 0n
}
const ODD = [0n, -1n, 1n, 7n, 65_537n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 63n), 2n ** 63n - 1n]

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => bytes.slice(0, random.int(bytes.length)),
  (_, random) => noise(random.int(400), random),
  (bytes, random) => {
    const out = bytes.slice()
    for (let i = 0; i <= random.int(8); i += 1) out[random.int(out.length)] = random.int(256)
    return out
  },
  (bytes, random) => {
    const out = bytes.slice()
    // The start holds the nodes: structure rather than weights.
    for (let i = 0; i <= random.int(4); i += 1) out[random.int(Math.min(out.length, 3000))] = random.int(256)
    return out
  },
  (bytes, random) => splice(bytes, random.int(bytes.length), 0, noise(1 + random.int(8), random)),
  (bytes, random) => splice(bytes, random.int(bytes.length), 1 + random.int(30), new Uint8Array(0)),
  (bytes, random) => {
    const at = random.int(bytes.length)
    return splice(bytes, at, 0, bytes.slice(at, at + random.int(2000)))
  },
  edited((model, random) => {
    const tensor = pick(model.graph?.initializer, random)
    if (tensor !== undefined) put(tensor.dims, random.int(4), pick(ODD, random))
  }),
  edited((model, random) => {
    const tensor = pick(model.graph?.initializer, random)
    if (tensor !== undefined) tensor.rawData = noise(random.int(64), random)
  }),
  edited((model, random) => {
    const tensor = pick(model.graph?.initializer, random)
    if (tensor !== undefined) tensor.dataType = random.int(30)
  }),
  edited((model, random) => {
    model.graph?.initializer.splice(random.int(model.graph.initializer.length), 1)
  }),
  edited((model, random) => {
    model.graph?.node.splice(random.int(model.graph.node.length), 1)
  }),
  edited((model, random) => {
    const [a, b] = [pick(model.graph?.node, random), pick(model.graph?.node, random)]
    if (a !== undefined && b !== undefined) a.input[random.int(a.input.length + 1)] = b.output[0] ?? ''
    model.graph?.node.reverse()
  }),
  edited((model, random) => {
    const attribute = pick(pick(model.graph?.node, random)?.attribute, random)
    if (attribute === undefined) return
    put(attribute.ints, random.int(4), pick(ODD, random))
    attribute.i = pick(ODD, random) ?? 0n
    if (random.int(3) === 0) attribute.type = random.int(16)
  }),
  edited((model, random) => {
    const dim = pick(pick(model.graph?.input, random)?.type?.tensorType?.shape?.dim, random)
    if (dim !== undefined) dim.dimValue = pick(ODD, random) ?? 0n
  }),
  edited((model, random) => {
    const node = pick(model.graph?.node, random)
    if (node !== undefined) node.opType = pick(model.graph?.node, random)?.opType ?? 'Nothing'
  }),
  edited((model, random) => {
    const tensor = pick(model.graph?.initializer, random)
    const odd = pick([Number.NaN, Number.POSITIVE_INFINITY, -1, 1e30, 0], random) ?? 0
    const values = Float64Array.from({ length: 16 }, () => odd)
    if (tensor !== undefined) tensor.rawData = new Uint8Array(values.buffer).slice(0, tensor.rawData.length)
  }),
]

/** Everything that the tool does to a file. */
function useAll(bytes: Uint8Array): void {
  const graph = readModel(bytes)
  const analysis = analyse(graph)
  const points = partitionPoints(analysis).map((point) => point.tensor)
  const middle = points[Math.floor(points.length / 2)]
  writeModel(graph, { external: { location: 'weights.bin' } })
  if (middle === undefined) return
  writeModel(
    extract(
      graph,
      middle,
      graph.outputs.map((output) => output.name),
    ),
  )
  for (const [i, from] of points.slice(0, 4).entries()) {
    const to = points[i + 2]
    if (to === undefined || !tileable(analysis, from, to).ok) continue
    const height = analysis.tensors.get(to)?.shape[2] ?? 0
    writeModel(tile(analysis, from, to, { start: height >> 2, end: (height >> 1) + 1 }).graph)
  }
}

function outcome(bytes: Uint8Array, which = ''): string {
  try {
    useAll(bytes)
    return 'ok'
  } catch (error) {
    if (error instanceof GraphError) return error.reason
    throw new Error(`${which}: not a GraphError: ${error}`, { cause: error })
  }
}

describe('malformed files', () => {
  it(`end in success or one GraphError, ${FILES} mutated ones (seed ${SEED})`, () => {
    const random = seededRandom(SEED)
    const outcomes = new Map<string, number>()
    const before = process.memoryUsage().rss
    for (let i = 0; i < FILES; i += 1) {
      const original = originals[i % originals.length] ?? new Uint8Array(0)
      const mutate = MUTATIONS[i % MUTATIONS.length] ?? ((bytes: Uint8Array) => bytes)
      const mutated = mutate(original, random)
      const result = outcome(mutated, `file ${i}`)
      outcomes.set(result, (outcomes.get(result) ?? 0) + 1)
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9)
    for (const reason of ['ok', 'malformed', 'missing', 'cyclic', 'shape', 'too-large']) {
      expect(outcomes.get(reason) ?? 0, reason).toBeGreaterThan(20)
    }
  }, 300_000)

  it.each([
    ['an empty file', new Uint8Array(0), 'malformed'],
    ['text', new TextEncoder().encode('<!doctype html><title>404</title>'), 'malformed'],
    ['nested groups', new Uint8Array(100_000).fill(0x0b), 'malformed'],
    ['two million empty nodes', manyNodes(2_000_000), 'too-large'],
  ])('%s is refused', (_, bytes, reason) => {
    expect(outcome(bytes)).toBe(reason)
  })

  it('refuses a node that waits for itself', () => {
    const graph = {
      node: [
        create(NodeProtoSchema, { opType: 'Add', input: ['x', 'b'], output: ['a'] }),
        create(NodeProtoSchema, { opType: 'Relu', input: ['a'], output: ['b'] }),
      ],
      input: [{ name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1n }] } } } }],
      output: [{ name: 'b' }],
    }
    const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph }))
    expect(outcome(bytes)).toBe('cyclic')
  })
})

/** Two bytes each on the wire. */
function manyNodes(count: number): Uint8Array {
  const body = new Uint8Array(count * 2).fill(0x0a)
  for (let i = 1; i < body.length; i += 2) body[i] = 0
  const length: number[] = []
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 128))
    length.push((rest % 128) + (rest > 127 ? 128 : 0))
  return splice(body, 0, 0, Uint8Array.from([0x3a, ...length]))
}
