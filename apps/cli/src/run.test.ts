import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { sha256 } from '@roomful/model'
import { colourMeta, colourNet, passThrough } from '@roomful/model/testing'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from './run.ts'

let folder: string

/** The colour net, its meta file, and pictures of its three classes in `pictures`. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-cli-'))
  await writeFile(path.join(folder, 'net.onnx'), colourNet())
  await writeFile(path.join(folder, 'meta.json'), JSON.stringify(colourMeta))
  for (const [channel, name] of ['00-red', '01-green', '02-blue'].entries()) {
    await mkdir(path.join(folder, 'pictures', name), { recursive: true })
    for (let i = 0; i < 4; i++)
      await writeFile(path.join(folder, 'pictures', name, `${i}.png`), colourPicture(channel, i))
  }
  expect(await roomful('prepare', 'net.onnx', '--meta', 'meta.json', '--out', 'package')).toMatchObject({ code: 0 })
})

afterAll(() => rm(folder, { recursive: true }))

/** Bright in one channel, brighter with `level` (0 to 3), and not square. */
function colourPicture(channel: number, level: number): Buffer {
  const image = new PNG({ width: 24, height: 20 })
  for (let i = 0; i < image.data.length; i++)
    image.data[i] = i % 4 === channel ? 100 + level * 50 : i % 4 === 3 ? 255 : 20
  return PNG.sync.write(image)
}

/** Runs a command in this process, as if called from the test's folder. */
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

/** As `roomful`, with --json; standard output must be exactly one object on one line. */
async function json(...argv: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await roomful(...argv, '--json')
  expect(stderr).not.toMatch(/^roomful:/m)
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stdout)
}

describe('inspect', () => {
  it('answers with the keys that the command promises', async () => {
    const answer = await json('inspect', 'net.onnx', '--output', 'logits')
    expect(Object.keys(answer).sort()).toEqual(
      ['inputs', 'macs', 'nodes', 'opset', 'outputs', 'parameters', 'partitionPoints', 'unsupported'].sort(),
    )
    expect(answer).toMatchObject({
      opset: 17,
      nodes: 14,
      unsupported: [],
      inputs: [{ name: 'input', shape: [1, 3, 16, 16] }],
    })
    expect(answer['partitionPoints']).toContainEqual({
      tensor: 'block1',
      shape: [1, 4, 8, 8],
      bytes: 1024,
      macsBefore: 8 * 8 * 4 * 27 + 8 * 8 * 4 * 36,
      parametersBefore: 4 * 28 + 4 * 37,
    })
  })

  it('takes a package folder and goes by its final output', async () => {
    const answer = await json('inspect', 'package')
    expect(answer['macs']).toBe((await json('inspect', 'net.onnx'))['macs'])
    expect(JSON.stringify(answer['partitionPoints'])).toContain('"block2"')
  })

  it('separates all outputs of a bare file, so nothing lies behind the first exit', async () => {
    const answer = await json('inspect', 'net.onnx')
    expect(JSON.stringify(answer['partitionPoints'])).not.toContain('"block2"')
  })
})

describe('extract', () => {
  it('writes a sub-model that inspect reads', async () => {
    const answer = await json('extract', 'package', '--from', 'stem', '--to', 'block1', '--out', 'part.onnx')
    const part = await json('inspect', 'part.onnx')
    expect(part).toMatchObject({ inputs: [{ name: 'stem' }], outputs: [{ name: 'block1' }], macs: answer['macs'] })
  })

  it('reports the input rows that a strip reads', async () => {
    const answer = await json(
      'extract',
      'net.onnx',
      '--from',
      'input',
      '--to',
      'stem',
      '--rows',
      '2:4',
      '--out',
      'strip.onnx',
    )
    expect(answer).toMatchObject({ rows: [2, 4], inputRows: [3, 8] })
    expect((await json('inspect', 'strip.onnx'))['inputs']).toMatchObject([{ shape: [1, 3, 5, 16] }])
  })
})

describe('verify', () => {
  it('runs every cut and tile of the net and finds them exact', async () => {
    const answer = await json('verify', 'net.onnx')
    expect(answer).toMatchObject({ ok: true, tiles: { untileable: expect.arrayContaining([]) } })
    const { cuts, tiles } = answer as { cuts: { checked: number }; tiles: { checked: number } }
    expect(cuts.checked).toBeGreaterThan(5)
    expect(tiles.checked).toBeGreaterThan(30)
  })

  it('samples cuts and leaves tiles out when asked to', async () => {
    expect(await json('verify', 'package', '--cuts', '2', '--rows', '0')).toMatchObject({
      ok: true,
      cuts: { checked: 2 },
      tiles: { checked: 0 },
    })
  })
})

describe('evaluate', () => {
  it('answers with accuracies, policy and wire formats', async () => {
    const answer = await json('evaluate', 'package', '--data', 'pictures', '--variants', 'all')
    expect(Object.keys(answer)).toEqual(['images', 'exits', 'policy', 'wire', 'trunks'])
    const manifest = JSON.parse(await readFile(path.join(folder, 'package', 'model.json'), 'utf8'))
    const trunk = manifest.trunks[0].macs
    expect(answer).toMatchObject({
      images: 12,
      exits: [
        { name: 'exit1', macs: manifest.exits[0].macs },
        { name: 'final', top1: 1, macs: trunk + 12 },
      ],
      policy: { threshold: [0.6], top1: 1 },
      trunks: [{ name: 'main', macs: trunk, top1: 1 }],
    })
    const { policy, exits, wire } = answer as {
      policy: { meanMacs: number; exitShares: number[] }
      exits: { macs: number }[]
      wire: { partitionPoint: string; bits: number; bytes: number; top1: number }[]
    }
    const shares = policy.exitShares
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
    expect(shares[0]).toBeGreaterThan(0)
    const mean = shares.reduce((sum, share, i) => sum + share * (exits[i]?.macs ?? 0), 0)
    expect(Math.abs(policy.meanMacs - mean)).toBeLessThan(1)
    expect(new Set(wire.map((row) => row.bits))).toEqual(new Set([32, 16, 8, 4]))
    for (const row of wire) if (row.bits >= 8) expect(row.top1).toBe(1)
  })

  it('leaves broken pictures out and says how many', async () => {
    await cp(path.join(folder, 'pictures'), path.join(folder, 'broken'), { recursive: true })
    await writeFile(path.join(folder, 'broken', '00-red', 'cut.png'), colourPicture(0, 1).subarray(0, 50))
    await writeFile(path.join(folder, 'broken', '01-green', 'text.jpg'), 'not a picture')
    const { code, stdout, stderr } = await roomful('evaluate', 'package', '--data', 'broken', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ images: 12, wire: [] })
    expect(stderr).toMatch(/2 pictures left out; the first: .*cut\.png/)
  })

  it('measures learned bottlenecks through both halves', async () => {
    const other = path.join(folder, 'narrow')
    await cp(path.join(folder, 'package'), other, { recursive: true })
    const manifest = JSON.parse(await readFile(path.join(other, 'model.json'), 'utf8'))
    const entry = async (name: string, scale: number) => {
      const bytes = passThrough([1, 4, 8, 8], scale)
      await writeFile(path.join(other, name), bytes)
      return { path: name, bytes: bytes.length, sha256: await sha256(bytes) }
    }
    const good = { encoder: await entry('half.onnx', 0.5), decoder: await entry('twice.onnx', 2) }
    const bad = { encoder: await entry('minus.onnx', -1), decoder: good.decoder }
    const point = manifest.partitionPoints.find((p: { tensor: string }) => p.tensor === 'block1')
    point.variants.push({ name: 'narrow', bits: 8, bytes: 99, bottleneck: good })
    point.variants.push({ name: 'wrong', bits: 8, bytes: 99, bottleneck: bad })
    await writeFile(path.join(other, 'model.json'), JSON.stringify(manifest))
    const { wire } = await json('evaluate', 'narrow', '--data', 'pictures', '--variants', 'narrow,wrong')
    expect(wire).toMatchObject([
      { partitionPoint: 'block1', variant: 'narrow', bits: 8, bytes: 99, top1: 1 },
      { partitionPoint: 'block1', variant: 'wrong' },
    ])
    expect((wire as { top1: number }[])[1]?.top1).toBeLessThan(0.5)
  })

  it('measures other trunks of the package beside the main one', async () => {
    const other = path.join(folder, 'other')
    await cp(path.join(folder, 'package'), other, { recursive: true })
    const manifest = JSON.parse(await readFile(path.join(other, 'model.json'), 'utf8'))
    const { graph, weights } = manifest.files
    await cp(path.join(other, 'graph.onnx'), path.join(other, 'slim-graph.onnx'))
    await cp(path.join(other, 'weights.bin'), path.join(other, 'slim-weights.bin'))
    const files = { graph: { ...graph, path: 'slim-graph.onnx' }, weights: { ...weights, path: 'slim-weights.bin' } }
    manifest.trunks.push({ name: 'slim', output: 'logits', macs: 5, parameters: 5, files })
    await writeFile(path.join(other, 'model.json'), JSON.stringify(manifest))
    const answer = await json('evaluate', 'other', '--data', 'pictures')
    expect(answer['trunks']).toMatchObject([
      { name: 'main', top1: 1 },
      { name: 'slim', macs: 5, top1: 1 },
    ])
  })

  it('writes what it measured into the manifest when asked to, and the package stays the same model', async () => {
    await cp(path.join(folder, 'package'), path.join(folder, 'measured'), { recursive: true })
    await json('evaluate', 'measured', '--data', 'pictures', '--update')
    await json('evaluate', 'measured', '--data', 'pictures', '--variants', 'int8', '--limit', '6', '--update')
    const read = async (name: string) => JSON.parse(await readFile(path.join(folder, name, 'model.json'), 'utf8'))
    const [before, after] = [await read('package'), await read('measured')]
    expect(after.digest).toBe(before.digest)
    expect(after.final.top1).toBe(1)
    expect(after.exits[0].top1).toBeGreaterThan(0)
    expect(after.measured).toMatchObject({ data: 'pictures', images: 12, policy: { top1: 1 }, wire: { images: 6 } })
    const variants = after.partitionPoints[1].variants.map((v: { name: string; top1?: number }) => [v.name, v.top1])
    expect(variants).toContainEqual(['int8', 1])
    expect(variants).toContainEqual(['int4', undefined])
  })

  it('spreads a limit over the classes', async () => {
    expect(await json('evaluate', 'package', '--data', 'pictures', '--limit', '3')).toMatchObject({ images: 3 })
  })
})

describe('the command line', () => {
  it.each([
    [['--nonsense'], 2, /unknown command/],
    [[], 2, /a command is missing/],
    [['inspect'], 2, /usage: roomful inspect MODEL/],
    [['inspect', 'net.onnx', '--iput-shape', '1'], 2, /iput-shape/],
    [['inspect', 'net.onnx', '--input-shape', '1,x'], 2, /numbers with commas/],
    [['extract', 'net.onnx', '--from', 'a'], 2, /--to is missing/],
    [['extract', 'net.onnx', '--from', 'input', '--to', 'stem', '--rows', '5', '--out', 'x'], 2, /a:b/],
    [['verify', 'net.onnx', '--rows', '1'], 2, /at least 2/],
    [['evaluate', 'package'], 2, /--data is missing/],
    [['inspect', 'absent.onnx'], 1, /no such file/],
    [['inspect', 'meta.json'], 1, /not an ONNX/],
    [['extract', 'net.onnx', '--from', 'input', '--to', 'nowhere', '--out', 'x'], 1, /nowhere/],
    [['extract', 'net.onnx', '--from', 'block1', '--to', 'stem', '--out', 'x'], 1, /./],
    [['prepare', 'net.onnx', '--out', 'x', '--meta', 'net.onnx'], 1, /not JSON/],
    [['evaluate', 'net.onnx', '--data', 'pictures'], 1, /model\.json/],
    [['evaluate', 'package', '--data', 'nothing'], 1, /not a folder/],
  ])('ends %j with %i and one line of reason', async (argv, code, reason) => {
    const result = await roomful(...argv)
    expect(result.code).toBe(code)
    expect(result.stdout).toBe('')
    expect(result.stderr).toMatch(reason)
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  it('lists its commands and explains each', async () => {
    const overview = await roomful('--help')
    for (const name of ['inspect', 'extract', 'verify', 'prepare', 'evaluate']) {
      expect(overview.stdout).toContain(name)
      const help = await roomful(name, '--help')
      expect(help).toMatchObject({ code: 0, stderr: '' })
      expect(help.stdout).toContain(`roomful -- ${name}`)
    }
  })

  it('runs as `npm run roomful` would run it: paths from INIT_CWD, one object on stdout, exit codes', () => {
    const script = fileURLToPath(new URL('../../../scripts/roomful.mjs', import.meta.url))
    const run = (...argv: string[]) =>
      spawnSync(process.execPath, [script, ...argv], { encoding: 'utf8', env: { ...process.env, INIT_CWD: folder } })
    const good = run('inspect', 'net.onnx', '--json')
    expect(good.status).toBe(0)
    expect(JSON.parse(good.stdout)).toMatchObject({ opset: 17 })
    const bad = run('inspect', 'absent.onnx')
    expect(bad.status).toBe(1)
    expect(bad.stderr.trimEnd().split('\n').at(-1)).toMatch(/^roomful: .*no such file/)
  })

  it('ends without a word when nobody reads its output any more', async () => {
    const script = fileURLToPath(new URL('../../../scripts/roomful.mjs', import.meta.url))
    const child = spawn(process.execPath, [script, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe('bench room', () => {
  it('refuses what it cannot run before it starts anything', async () => {
    expect(await roomful('bench', 'room')).toMatchObject({ code: 2, stderr: expect.stringContaining('phone-laptop') })
    expect(await roomful('bench', 'room', '--scenario', 'nowhere')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/unknown scenario nowhere; there are .*phone-laptop/),
    })
    const trace = ['bench', 'room', '--scenario', 'phone-laptop', '--request', 'fastest']
    expect(await roomful(...trace)).toMatchObject({ code: 2, stderr: expect.stringContaining('METHOD:BLOCK:REQUEST') })
    expect(await roomful('bench', 'room', '--scenario', 'phone-laptop', '--seed', 'x')).toMatchObject({ code: 2 })
  })
})
