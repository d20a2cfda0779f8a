import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { BenchModel } from '@roomful/bench/room'
import { materialise } from '@roomful/graph/testing'
import { prepareModel } from '@roomful/model'
import { CommandError } from '../command.ts'
import { readModelAt } from '../model/read.ts'
import { sourceDigest } from './source-digest.ts'

interface KnownNet {
  /** Below the folder of shared models. */
  readonly file: string
  /** The file holds no weights: they are made up, the topology is real. */
  readonly light?: boolean
  /** Answers take seconds at a quarter of a core: a quick run of it has more time. */
  readonly large?: boolean
  /** Rivals that would take minutes with it. */
  readonly without?: readonly string[]
}

const SLOWEST = ['coedge', 'modnn', 'mednn', 'deepthings', 'deeperthings', 'aofl', 'distredge', 'cogent']
const KNOWN: Readonly<Record<string, KnownNet>> = {
  mobilenetv2: { file: 'mobilenetv2_fp32_deq.onnx' },
  resnet50: { file: 'light/light_resnet50.onnx', light: true, large: true, without: SLOWEST },
  vgg19: { file: 'light/light_vgg19.onnx', light: true, large: true, without: SLOWEST },
  squeezenet: { file: 'light/light_squeezenet.onnx', light: true },
}
const KNOWN_NETS: readonly string[] = Object.keys(KNOWN)
/** What a prepared package depends on besides its file. */
const PREPARING_SOURCES = ['packages/graph/src', 'packages/model/src']

export interface BenchFolders {
  /** Of the repository. */
  readonly root: string
  /** The built page. */
  readonly dist: string
  /** Where shared models lie; may be absent. */
  readonly shared: string
  /** For prepared packages and the folder that is served. Not in git. */
  readonly cache: string
}

/**
 * The model of a room benchmark: a package of the page, a known net, an ONNX file or a package folder. What is not on the
 * page is prepared once and served beside it.
 * @throws CommandError `file`; GraphError; ModelError
 */
export async function benchModel(
  wanted: string,
  resolve: (file: string) => string,
  folders: BenchFolders,
): Promise<BenchModel> {
  const { dist, cache } = folders
  const onPage = path.join(dist, 'models', wanted)
  if (/^[\w-]+$/.test(wanted) && existsSync(path.join(onPage, 'model.json'))) {
    return { name: wanted, address: `models/${wanted}`, folder: onPage, site: dist }
  }
  const known = KNOWN[wanted]
  const file = known === undefined ? resolve(wanted) : path.join(folders.shared, known.file)
  if (!existsSync(file)) {
    throw new CommandError('file', `${wanted}: ${file} is not there (known nets: ${KNOWN_NETS.join(', ')})`)
  }
  const name = path
    .basename(wanted)
    .replace(/\.onnx$/, '')
    .replace(/[^\w-]/g, '-')
  // Of the same name there may be other nets, and packages that other code has prepared.
  const version = await sourceDigest([file, ...PREPARING_SOURCES.map((source) => path.join(folders.root, source))])
  const folder = path.join(cache, 'models', `${name}-${version}`)
  if (!existsSync(path.join(folder, 'model.json'))) {
    await removeVersions(path.join(cache, 'models'), name)
    if (existsSync(path.join(file, 'model.json'))) await cp(file, folder, { recursive: true })
    else await prepare(name, file, known, folder)
  }
  return {
    name,
    address: `models/${name}`,
    folder,
    site: await siteOf(folders, name, folder),
    ...(known?.large === undefined ? {} : { large: known.large }),
    ...(known?.without === undefined ? {} : { without: known.without }),
  }
}

/** A prepared net may be half a gigabyte: of each name only the newest is kept. */
async function removeVersions(folder: string, name: string): Promise<void> {
  const kept = await readdir(folder).catch(() => [])
  const older = kept.filter((entry) => entry.replace(/-[0-9a-f]{12}$/, '') === name)
  for (const entry of older) await rm(path.join(folder, entry), { recursive: true, force: true })
}

async function prepare(name: string, file: string, known: KnownNet | undefined, folder: string): Promise<void> {
  const { graph } = await readModelAt(file, { weights: true })
  const filled = known?.light ? materialise(graph) : graph
  const { manifest, manifestBytes, graphBytes, weightsBytes } = await prepareModel(filled, { name })
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, manifest.files.weights.path), weightsBytes)
  await writeFile(path.join(folder, manifest.files.graph.path), graphBytes)
  // Last: a folder with a manifest is complete.
  await writeFile(path.join(folder, 'model.json'), manifestBytes)
}

/** The built page with the model among its models: links, no copies. */
async function siteOf({ dist, cache }: BenchFolders, name: string, folder: string): Promise<string> {
  const site = path.join(cache, `site-${name}`)
  await rm(site, { recursive: true, force: true })
  await mkdir(path.join(site, 'models'), { recursive: true })
  for (const entry of await readdir(dist)) {
    if (entry !== 'models') await symlink(path.join(dist, entry), path.join(site, entry))
  }
  await symlink(folder, path.join(site, 'models', name))
  return site
}
