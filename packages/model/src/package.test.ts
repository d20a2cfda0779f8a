import { analyse, readModel } from '@roomful/graph'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ModelError } from './error.ts'
import { checkManifest, parseManifest } from './manifest/check.ts'
import { CHUNK_BYTES, type Manifest } from './manifest/schema.ts'
import { openModelPackage } from './package.ts'
import { prefixDigests } from './prepare/prefix-digest.ts'
import { type PreparedModel, prepareModel } from './prepare/prepare.ts'
import { memorySource } from './source/memory.ts'
import { colourMeta, colourNet } from './testing/colour-net.ts'
import type { ChunkSource } from './weights/source.ts'

let prepared: PreparedModel

beforeAll(async () => {
  prepared = await prepareModel(colourNet(), colourMeta)
})

/** The prepared package in memory; `asked` logs the ranges of weights that are read. */
function packageSource(change: Partial<Record<'model.json' | 'graph.onnx' | 'weights.bin', Uint8Array>> = {}) {
  const asked: [number, number][] = []
  const plain = memorySource({
    'model.json': prepared.manifestBytes,
    'graph.onnx': prepared.graphBytes,
    'weights.bin': prepared.weightsBytes,
    ...change,
  })
  const chunks = (name: string, bytes: number): ChunkSource => ({
    read(range, signal) {
      asked.push([range.start, range.end])
      return plain.chunks(name, bytes).read(range, signal)
    },
  })
  return { asked, source: { ...plain, chunks } }
}

describe('prepareModel', () => {
  it('describes input, trunk, exits and partition points', () => {
    const { manifest } = prepared
    expect(manifest).toMatchObject({
      format: 'roomful-model/1',
      name: 'colours',
      version: '2',
      input: { tensor: 'input', dims: [1, 3, 16, 16], width: 16, height: 16, channels: 'RGB' },
      labels: ['red', 'green', 'blue'],
      final: { output: 'logits', temperature: 1 },
    })
    const points = manifest.partitionPoints.map((point) => [point.tensor, point.shape.join(), point.variants.length])
    expect(points).toEqual([
      ['stem.conv', '1,4,8,8', 0],
      ['stem', '1,4,8,8', 4],
      ['sum', '1,4,8,8', 0],
      ['block1', '1,4,8,8', 4],
      ['block2.conv', '1,8,4,4', 0],
      ['block2', '1,8,4,4', 4],
      ['logits.mean', '1,8,1,1', 4],
      ['logits.flat', '1,8', 4],
    ])
  })

  it('counts work: trunk without exits, exits with every branch met on the way', () => {
    const { trunks, exits, partitionPoints } = prepared.manifest
    const stem = 8 * 8 * 4 * 27
    const block1 = 8 * 8 * 4 * 36
    const block2 = 4 * 4 * 8 * 36
    expect(trunks[0]?.macs).toBe(stem + block1 + block2 + 24)
    const before = new Map(partitionPoints.map((point) => [point.tensor, point.macsBefore]))
    expect(['stem', 'block1', 'block2'].map((tensor) => before.get(tensor))).toEqual([
      stem,
      stem + block1,
      stem + block1 + block2,
    ])
    expect(exits[0]).toMatchObject({ from: 'block1', branchMacs: 12, macs: stem + block1 + 12 })
  })

  it('keeps the weights out of the graph file and in one file with a digest for each chunk', async () => {
    const { manifest, graphBytes, weightsBytes } = prepared
    expect(manifest.files.weights.bytes).toBe(weightsBytes.length)
    expect(manifest.files.weights.chunks).toHaveLength(Math.ceil(weightsBytes.length / CHUNK_BYTES))
    expect([...readModel(graphBytes).initialisers.values()].some((tensor) => tensor.external !== undefined)).toBe(true)
  })

  it('is a function: the same model gives the same bytes', async () => {
    const again = await prepareModel(colourNet(), colourMeta)
    expect(again.manifestBytes).toEqual(prepared.manifestBytes)
    expect(again.graphBytes).toEqual(prepared.graphBytes)
    expect(again.weightsBytes).toEqual(prepared.weightsBytes)
  })

  it('needs no meta: a bare ONNX file has ImageNet input, no exits, its last output as the final one', async () => {
    const { manifest } = await prepareModel(colourNet())
    expect(manifest.input.mean).toEqual([0.485, 0.456, 0.406])
    expect(manifest.exits).toEqual([])
    expect(manifest.final.output).toBe('logits')
  })

  it('caps thresholds at 1, the most that a plan can say', async () => {
    const [exit] = colourMeta.exits ?? []
    const { manifest } = await prepareModel(colourNet(), {
      ...colourMeta,
      exits: exit === undefined ? [] : [{ ...exit, threshold: 1.01 }],
    })
    expect(manifest.exits[0]?.threshold).toBe(1)
  })

  it.each([
    ['labels', { labels: ['red'] }, /1 labels for 3 classes/],
    ['a wrong size', { input: { width: 32 } }, /input is 32x/],
    ['grey means', { input: { mean: [0], std: [1] } }, /1 means and 1 deviations for 3 channels/],
    [
      'an exit inside a block',
      { exits: [{ name: 'e', from: 'inner', output: 'exit1', threshold: 0.5 }] },
      /inner is no partition point/,
    ],
    [
      'an exit without output',
      { exits: [{ name: 'e', from: 'stem', output: 'none', threshold: 0.5 }] },
      /no output none/,
    ],
    ['another output', { final: { output: 'none' } }, /final output none is not among/],
    ['another layout', { input: { layout: 'NHWC' as 'NCHW' } }, /meta: input.layout/],
  ])('refuses %s that does not fit', async (_what, change, message) => {
    const refused = prepareModel(colourNet(), { ...colourMeta, ...change })
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toBeInstanceOf(ModelError)
  })
})

describe('prefixDigests', () => {
  it('does not depend on names, and changes with any weight before the tensor', async () => {
    const graph = readModel(colourNet())
    const plain = await prefixDigests(graph)
    const stem = graph.initialisers.get('stem.weight')
    const late = graph.initialisers.get('logits.weight')
    if (stem?.data === undefined || late?.data === undefined) throw new Error('the test net has changed')
    const flipped = (data: Uint8Array) => data.map((byte, i) => (i === 0 ? byte ^ 1 : byte))
    const earlyChange = {
      ...graph,
      initialisers: new Map(graph.initialisers).set('stem.weight', { ...stem, data: flipped(stem.data) }),
    }
    const lateChange = {
      ...graph,
      initialisers: new Map(graph.initialisers).set('logits.weight', { ...late, data: flipped(late.data) }),
    }
    expect((await prefixDigests(earlyChange)).get('block1')).not.toBe(plain.get('block1'))
    expect((await prefixDigests(lateChange)).get('block1')).toBe(plain.get('block1'))
    expect((await prefixDigests(lateChange)).get('logits')).not.toBe(plain.get('logits'))
    const renamed = {
      ...graph,
      nodes: graph.nodes.map((node) => ({
        ...node,
        inputs: node.inputs.map((name) => (name === 'stem' ? 'other' : name)),
        outputs: node.outputs.map((name) => (name === 'stem' ? 'other' : name)),
      })),
    }
    expect((await prefixDigests(renamed)).get('block1')).toBe(plain.get('block1'))
  })
})

describe('openModelPackage', () => {
  it('opens without reading any weights', async () => {
    const { asked, source } = packageSource()
    const model = await openModelPackage(source)
    expect(model.manifest).toEqual(prepared.manifest)
    expect(asked).toEqual([])
  })

  it('makes a sub-model of exactly a part, with its weights inside', async () => {
    const { source } = packageSource()
    const model = await openModelPackage(source)
    const part = readModel(await model.subModel({ from: 'stem', to: 'block1' }))
    expect(part.inputs.map((input) => input.name)).toEqual(['stem'])
    expect(part.outputs.map((output) => output.name)).toEqual(['block1'])
    expect([...part.initialisers.keys()].sort()).toEqual(['inner.bias', 'inner.weight'])
    const original = readModel(colourNet()).initialisers.get('inner.weight')?.data
    expect(part.initialisers.get('inner.weight')?.data).toEqual(original)
  })

  it('makes sub-models of rows, and of an exit', async () => {
    const model = await openModelPackage(packageSource().source)
    const strip = analyse(readModel(await model.subModel({ from: 'input', to: 'stem', rows: { start: 2, end: 5 } })))
    const [output] = strip.graph.outputs
    expect(strip.tensors.get(output?.name ?? '')?.shape).toEqual([1, 4, 3, 8])
    const branch = readModel(await model.subModel({ from: 'block1', to: 'exit1' }))
    expect(branch.outputs.map((value) => value.name)).toEqual(['exit1'])
  })

  it('says how many bytes a part needs before they are read', async () => {
    const { asked, source } = packageSource()
    const model = await openModelPackage(source)
    const all = await model.partBytes({ from: 'input', to: ['exit1', 'logits'] })
    const part = await model.partBytes({ from: 'stem', to: 'block1' })
    expect(part).toBeGreaterThanOrEqual(4 * 4 * 9 * 4)
    expect(all).toBeGreaterThan(part)
    expect(asked).toEqual([])
  })

  it('brings all weights into the store on prefetch', async () => {
    const { asked, source } = packageSource()
    const model = await openModelPackage(source)
    const seen: number[] = []
    await model.prefetch({ onProgress: ({ doneBytes }) => seen.push(doneBytes) })
    expect(seen.at(-1)).toBe(prepared.weightsBytes.length)
    await model.subModel({ from: 'input', to: 'logits' })
    expect(asked).toHaveLength(1)
  })

  it('refuses a graph or weights that differ from the manifest', async () => {
    const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
    const badGraph = openModelPackage(packageSource({ 'graph.onnx': flip(prepared.graphBytes) }).source)
    await expect(badGraph).rejects.toMatchObject({ reason: 'corrupt' })
    const model = await openModelPackage(packageSource({ 'weights.bin': flip(prepared.weightsBytes) }).source)
    await expect(model.subModel({ from: 'input', to: 'logits' })).rejects.toMatchObject({ reason: 'corrupt' })
  })

  it('names a tensor or trunk that does not exist', async () => {
    const model = await openModelPackage(packageSource().source)
    await expect(model.subModel({ from: 'input', to: 'nothing' })).rejects.toMatchObject({ reason: 'unknown-tensor' })
    await expect(model.subModel({ from: 'input', to: 'stem', trunk: 'slim' })).rejects.toMatchObject({
      reason: 'no-such-tensor',
    })
  })
})

describe('checkManifest', () => {
  const change = (edit: (manifest: Manifest & Record<string, unknown>) => void) => {
    const copy = structuredClone(prepared.manifest) as Manifest & Record<string, unknown>
    edit(copy)
    return checkManifest(copy)
  }

  it('takes what prepare writes', async () => {
    expect(await parseManifest(prepared.manifestBytes)).toEqual(prepared.manifest)
  })

  it.each<[string, (manifest: Manifest & Record<string, unknown>) => void, RegExp]>([
    ['an unknown key', (m) => Object.assign(m, { wieghts: 1 }), /unknown key wieghts/],
    ['an unknown key inside', (m) => Object.assign(m.input, { scale: 1 }), /unknown key input.scale/],
    ['another format', (m) => Object.assign(m, { format: 'roomful-model/2' }), /format/],
    ['a path out of the folder', (m) => Object.assign(m.files.graph, { path: '../graph.onnx' }), /files.graph.path/],
    ['a missing chunk', (m) => m.files.weights.chunks.pop(), /need 1 chunks, not 0/],
    ['another digest', (m) => Object.assign(m, { digest: '0'.repeat(64) }), /digest: must be/],
    [
      'an exit at no partition point',
      (m) => Object.assign(m.exits[0] ?? {}, { from: 'inner' }),
      /inner is no partition point/,
    ],
    ['two equal points', (m) => m.partitionPoints.push(...m.partitionPoints.slice(0, 1)), /two of partition point/],
    ['an exit named final', (m) => Object.assign(m.exits[0] ?? {}, { name: 'final' }), /two of exit/],
    [
      'a curve of another size',
      (m) => m.operatingCurve.push({ thresholds: [], top1: 1, accuracyLoss: 0, exitShares: [], meanMacs: 1 }),
      /operatingCurve.0/,
    ],
    ['a negative size', (m) => Object.assign(m.files.weights, { bytes: -1 }), /files.weights.bytes/],
  ])('refuses %s by name', async (_what, edit, message) => {
    const refused = change(edit)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ name: 'ModelError', reason: 'manifest' })
  })

  it('gives a manifest or a ModelError for any damage', async () => {
    const text = new TextDecoder().decode(prepared.manifestBytes)
    const junk = fc.constantFrom('', '0', '-1', '1e999', '"x"', 'null', '[]', '{}', '}', '\\u0000', '9'.repeat(40))
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length), fc.nat(12), junk, async (at, length, insert) => {
        const damaged = text.slice(0, at) + insert + text.slice(at + length)
        await parseManifest(new TextEncoder().encode(damaged)).catch((error: unknown) => {
          expect(error).toBeInstanceOf(ModelError)
        })
      }),
      { seed: 17, numRuns: 1000 },
    )
  })

  it('refuses what is no JSON, and what is too long', async () => {
    await expect(parseManifest(new TextEncoder().encode('{'))).rejects.toMatchObject({ reason: 'manifest' })
    await expect(parseManifest(new Uint8Array((8 << 20) + 1))).rejects.toMatchObject({ reason: 'too-large' })
  })
})
