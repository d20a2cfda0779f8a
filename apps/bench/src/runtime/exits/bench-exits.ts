import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { readModel, writeModel } from '@roomful/graph'
import { materialise } from '@roomful/graph/testing'
import { parseManifest, prepareModel } from '@roomful/model'
import { REPOSITORY } from '../../../../../e2e/rig/room.ts'
import { PageRig } from '../../page-rig.ts'
import { type Nets, netUrl } from '../../serve-nets.ts'
import type { ExitsPage, Processors } from './page/page.ts'
import { type CancelRow, cancelRow, type DelayRow, delayRow } from './rows.ts'

export interface ExitsResult {
  readonly delay: readonly DelayRow[]
  readonly cancel: readonly CancelRow[]
  /** What could not be measured, and why. */
  readonly skipped: readonly string[]
  readonly device: { readonly gmacsPerSecond: number; readonly overheadMs: number }
}

const SHIPPED = 'imagenette'
const SHARED = path.join(REPOSITORY, '..', 'shared', 'models')

/** Other networks in which requests are cancelled. */
const FILES: readonly { readonly name: string; readonly file: string; readonly isLight?: boolean }[] = [
  { name: 'mobilenetv2', file: 'mobilenetv2_fp32_deq.onnx' },
  { name: 'resnet50', file: 'light/light_resnet50.onnx', isLight: true },
]

/**
 * What racing exits cost a request that takes none, and how soon a cancelled request frees its processor: Roomful's runtime
 * in one Chromium page with ONNX Runtime WASM in two Workers of one thread. METHODOLOGY.md defines the figures.
 */
export async function benchExits(quick: boolean, print: (line: string) => void): Promise<ExitsResult> {
  const [rounds, cancels] = quick ? [40, 40] : [120, 100]
  const folder = path.join(REPOSITORY, 'public', 'models', SHIPPED)
  const manifest = await parseManifest(new Uint8Array(readFileSync(path.join(folder, 'model.json'))))
  const nets: Nets = new Map()
  for (const name of ['model.json', manifest.files.graph.path, manifest.files.weights.path]) {
    nets.set(`${SHIPPED}/${name}`, () => readFileSync(path.join(folder, name)))
  }
  await using rig = await PageRig.start<ExitsPage>(new URL('page', import.meta.url), nets, 'exitsPage')
  const { gmacsPerSecond, overheadMs } = await rig.call('open')
  print('exits: the page is open')
  const names = manifest.exits.map(({ name }) => name)
  const choices = [names.slice(0, 1), names.slice(1, 2), names]
  const processors: readonly Processors[] = ['own', 'shared']
  const variants = processors.flatMap((where) => choices.map((exits) => ({ exits, processors: where })))
  const runs = await rig.call('delay', netUrl(SHIPPED), variants, rounds)
  const share = macShares(manifest)
  const delay = variants.map((variant, index) => delayRow(variant, index, runs, sum(variant.exits.map(share))))
  print('exits: delays are measured')
  const cancel = [cancelRow(SHIPPED, await rig.call('cancel', netUrl(SHIPPED), cancels))]
  const skipped: string[] = []
  for (const { name, file, isLight = false } of FILES) {
    const at = path.join(SHARED, file)
    if (!existsSync(at)) {
      skipped.push(`${name}: ../shared/models/${file} is not there`)
      continue
    }
    const bytes = new Uint8Array(readFileSync(at))
    const whole = isLight ? writeModel(materialise(readModel(bytes))).model : bytes
    const { manifestBytes, graphBytes, weightsBytes, manifest: made } = await prepareModel(whole, { name })
    nets.set(`${name}/model.json`, () => manifestBytes)
    nets.set(`${name}/${made.files.graph.path}`, () => graphBytes)
    nets.set(`${name}/${made.files.weights.path}`, () => weightsBytes)
    cancel.push(cancelRow(name, await rig.call('cancel', netUrl(name), cancels)))
    for (const key of [...nets.keys()]) if (key.startsWith(`${name}/`)) nets.delete(key)
    print(`exits: ${name} is measured`)
  }
  return { delay, cancel, skipped, device: { gmacsPerSecond, overheadMs } }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** An exit's own work over the trunk's: the manifest counts an exit's with the trunk before it. */
function macShares(manifest: Awaited<ReturnType<typeof parseManifest>>): (exit: string) => number {
  const [trunk] = manifest.trunks
  return (name) => {
    const exit = manifest.exits.find((each) => each.name === name)
    const before = manifest.partitionPoints.find(({ tensor }) => tensor === exit?.from)?.macsBefore
    return ((exit?.macs ?? Number.NaN) - (before ?? Number.NaN)) / (trunk?.macs ?? Number.NaN)
  }
}
