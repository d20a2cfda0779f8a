import { FINAL_EXIT } from '@roomful/core'
import type { ModelPackage } from '@roomful/model'
import { type FeatureMap, type Picture, preprocess } from '@roomful/tensor'
import { CommandError } from '../command.ts'
import { leavesAt, type Verdict, verdict } from './policy.ts'
import { runStage, Stages } from './stages.ts'
import { round6, Tally } from './tally.ts'
import { loadWireTests, logitsAfter, type WireRow, type WireTest, wireRow } from './wire.ts'

/** What `evaluate --json` prints; accuracies 0..1, multiply-accumulates per picture. */
export interface Evaluation {
  readonly images: number
  /** In the order of the network, the final one last; `macs`: trunk up to it and every branch met on the way. */
  readonly exits: readonly { readonly name: string; readonly top1: number; readonly macs: number }[]
  /** At the manifest's thresholds, one per early exit. `exitShares` in the order of `exits`. */
  readonly policy: {
    readonly threshold: readonly number[]
    readonly top1: number
    readonly meanMacs: number
    readonly exitShares: readonly number[]
  }
  /** Final top-1 when the feature map of that partition point travels in that form. */
  readonly wire: readonly (WireRow & { readonly top1: number })[]
  readonly trunks: readonly { readonly name: string; readonly macs: number; readonly top1: number }[]
}

export interface LabelledPicture {
  readonly picture: Picture
  readonly label: number
}

/**
 * Runs the package on pictures, stage by stage as a room would. `variants`: names of wire variants to measure at every
 * partition point, or `all`.
 * @throws CommandError when there is no picture or the model has no classifier
 */
export async function evaluateModel(
  model: ModelPackage,
  pictures: AsyncIterable<LabelledPicture>,
  variants: 'all' | readonly string[],
): Promise<Evaluation> {
  const { manifest } = model
  await using wire = await loadWireTests(model, variants)
  const tests = wire.all
  const wanted = new Set([...manifest.exits.map((exit) => exit.from), ...tests.map((test) => test.point.tensor)])
  const stops = manifest.partitionPoints.map((point) => point.tensor).filter((tensor) => wanted.has(tensor))
  await using stages = await Stages.load(model, stops)
  const tally = new Tally()
  /** Bytes over all pictures by test. */
  const sent = new Map<string, number>()
  const left = new Array<number>(manifest.exits.length + 1).fill(0)
  for await (const { picture, label } of pictures) {
    const data = preprocess(picture, manifest.input)
    const input: FeatureMap<'float32'> = { dtype: 'float32', dims: manifest.input.dims, data }
    const { verdicts, maps } = await runAll(model, stages, input)
    const at = leavesAt(
      verdicts,
      manifest.exits.map((exit) => exit.threshold),
    )
    left[at] = (left[at] ?? 0) + 1
    const answers: Record<string, number> = { policy: verdicts[at]?.label ?? -1 }
    for (const [i, { label: answer }] of verdicts.entries()) answers[`exit ${i}`] = answer
    for (const [i, trunk] of stages.otherTrunks.entries()) {
      answers[`trunk ${i + 1}`] = verdict(logitsOf(await runStage(trunk, input)), 1).label
    }
    for (const test of tests) {
      const map = maps.get(test.point.tensor)
      if (map === undefined) throw new CommandError('check', `no feature map at ${test.point.tensor}`)
      const after = stages.trunk.slice(stops.indexOf(test.point.tensor) + 1)
      const onSent = (bytes: number) => sent.set(test.key, (sent.get(test.key) ?? 0) + bytes)
      answers[test.key] = verdict(logitsOf(await logitsAfter(test, map, after, onSent)), 1).label
    }
    tally.add(label, answers)
  }
  if (tally.pictures === 0) throw new CommandError('input', 'no picture could be read')
  return report(model, tests, tally, left, sent)
}

/** All classifiers on one picture, and the feature map at every stop. */
async function runAll(
  model: ModelPackage,
  stages: Stages,
  input: FeatureMap,
): Promise<{ verdicts: Verdict[]; maps: Map<string, FeatureMap> }> {
  const maps = new Map<string, FeatureMap>()
  let map = input
  for (const stage of stages.trunk) {
    map = await runStage(stage, map)
    maps.set(stage.to, map)
  }
  const verdicts: Verdict[] = []
  for (const [i, exit] of model.manifest.exits.entries()) {
    const from = maps.get(exit.from)
    const stage = stages.exits[i]
    if (from === undefined || stage === undefined) throw new CommandError('check', `exit ${exit.name} has no stage`)
    verdicts.push(verdict(logitsOf(await runStage(stage, from)), exit.temperature))
  }
  verdicts.push(verdict(logitsOf(map), model.manifest.final.temperature))
  return { verdicts, maps }
}

function logitsOf(map: FeatureMap): ArrayLike<number> {
  if (map.dtype !== 'float32') throw new CommandError('input', `a classifier gives float32, not ${map.dtype}`)
  return map.data as Float32Array
}

function report(
  model: ModelPackage,
  tests: readonly WireTest[],
  tally: Tally,
  left: readonly number[],
  sent: ReadonlyMap<string, number>,
): Evaluation {
  const { exits, trunks } = model.manifest
  const [main] = trunks
  const macs = [
    ...exits.map((exit) => exit.macs),
    (main?.macs ?? 0) + exits.reduce((sum, exit) => sum + exit.branchMacs, 0),
  ]
  const names = [...exits.map((exit) => exit.name), FINAL_EXIT]
  return {
    images: tally.pictures,
    exits: names.map((name, i) => ({ name, top1: tally.top1(`exit ${i}`), macs: macs[i] ?? 0 })),
    policy: {
      threshold: exits.map((exit) => exit.threshold),
      top1: tally.top1('policy'),
      meanMacs: Math.round(left.reduce((sum, count, i) => sum + count * (macs[i] ?? 0), 0) / tally.pictures),
      exitShares: left.map((count) => round6(count / tally.pictures)),
    },
    wire: tests.map((test) => {
      const sentBytes = Math.round((sent.get(test.key) ?? 0) / tally.pictures)
      return { ...wireRow(test, sentBytes), top1: tally.top1(test.key) }
    }),
    trunks: trunks.map(({ name, macs: work }, i) => ({
      name,
      macs: work,
      top1: tally.top1(i === 0 ? `exit ${exits.length}` : `trunk ${i}`),
    })),
  }
}
