import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type ModelMeta, prepareModel } from '@roomful/model'
import {
  type Command,
  type CommandContext,
  CommandError,
  numberList,
  option,
  positional,
  UsageError,
} from '../command.ts'
import { readModelAt } from '../model/read.ts'

export const prepare: Command = {
  summary: 'Make a model package (model.json, graph.onnx, weights.bin) from an ONNX file',
  usage:
    'MODEL --out DIR [--labels FILE] [--mean r,g,b --std r,g,b] [--meta META.json] [--name NAME] [--input-shape 1,3,224,224]',
  help: `
  --out          folder to write; made when absent
  --labels       text file, one label per line, in the order of the outputs
  --mean, --std  per channel on the 0..1 scale; default ImageNet's (0,1 for grey models); write --mean=-0.5,... for
                 values that begin with a minus
  --meta         JSON with input, labels, exits, final, operatingCurve (docs/model-package.md); options above win over it
  --json         {name, digest, out, macs, parameters, partitionPoints, exits, files: [{path, bytes, sha256}]}`,
  options: {
    out: { type: 'string' },
    labels: { type: 'string' },
    mean: { type: 'string' },
    std: { type: 'string' },
    meta: { type: 'string' },
    name: { type: 'string' },
    'input-shape': { type: 'string' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const out = option(context, 'out')
    if (out === undefined || out === '') throw new UsageError('prepare: --out is missing')
    const file = context.path(positional(context, 0, 'MODEL'))
    const { graph } = await readModelAt(file, { inputShape: option(context, 'input-shape'), weights: true })
    const meta = await metaOf(context, file)
    const { manifest, manifestBytes, graphBytes, weightsBytes } = await prepareModel(graph, meta)
    const folder = context.path(out)
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, manifest.files.weights.path), weightsBytes)
    await writeFile(path.join(folder, manifest.files.graph.path), graphBytes)
    await writeFile(path.join(folder, 'model.json'), manifestBytes)
    const files = [manifest.files.graph, manifest.files.weights].map(({ path: name, bytes, sha256 }) => ({
      path: name,
      bytes,
      sha256,
    }))
    const [trunk] = manifest.trunks
    context.result({
      name: manifest.name,
      digest: manifest.digest,
      out: folder,
      macs: trunk?.macs,
      parameters: trunk?.parameters,
      partitionPoints: manifest.partitionPoints.length,
      exits: manifest.exits.map((exit) => exit.name),
      files,
    })
    context.print(`${manifest.name} ${manifest.version} in ${folder}`)
    for (const entry of files) context.print(`  ${entry.path}  ${entry.bytes} bytes`)
    context.print(
      `  ${manifest.partitionPoints.length} partition points, ${manifest.exits.length} exits, ${trunk?.macs} MAC`,
    )
    return 0
  },
}

async function metaOf(context: CommandContext, modelFile: string): Promise<ModelMeta> {
  const metaFile = option(context, 'meta')
  const meta = metaFile === undefined ? {} : await readJson(context.path(metaFile))
  const mean = option(context, 'mean')
  const std = option(context, 'std')
  const labels = option(context, 'labels')
  const name = option(context, 'name') ?? meta.name ?? path.basename(modelFile).replace(/\.onnx$/, '')
  const input = {
    ...meta.input,
    ...(mean === undefined ? {} : { mean: numberList(mean, 'mean') }),
    ...(std === undefined ? {} : { std: numberList(std, 'std') }),
  }
  return { ...meta, name, input, ...(labels === undefined ? {} : { labels: await readLabels(context.path(labels)) }) }
}

/** The form is checked by `prepareModel`. */
async function readJson(file: string): Promise<ModelMeta> {
  const text = await readText(file)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CommandError('input', `${file}: not JSON`, { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CommandError('input', `${file}: a JSON object is expected`)
  }
  return value
}

async function readLabels(file: string): Promise<string[]> {
  const lines = (await readText(file)).split(/\r?\n/).map((line) => line.trim())
  while (lines.at(-1) === '') lines.pop()
  return lines
}

function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CommandError('file', `${file}: cannot be read`, { cause })
  })
}
