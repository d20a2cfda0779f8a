import { type Command, numberList, option, positional, UsageError, wholeNumber } from '../command.ts'
import { readModelAt } from '../model/read.ts'
import { TOLERANCE, verifyModel } from '../verify/verify.ts'

export const verify: Command = {
  summary: 'Check that cut and tiled models compute what the whole model computes',
  usage: 'MODEL [--input-shape 1,3,224,224] [--cuts all|N] [--rows 2,3,4] [--output NAME] [--seed N]',
  help: `
Runs the model on a random and on a constant input, whole, then head and tail of every cut, and strips of every volume
between neighbouring and far-apart partition points, all with ONNX Runtime's graph optimisation off.
  --cuts    all, or N evenly spread ones
  --rows    into how many uneven strips each volume is split; 0 leaves tiles out
  --output  cut towards this output only; in a package its final one
  --json    {ok, cuts: {checked, maxAbsError}, tiles: {checked, maxAbsError, untileable}, optimisedMaxAbsError}; errors as
            a share of the output's range
The exit code is 1 when an error exceeds ${TOLERANCE}.`,
  options: {
    'input-shape': { type: 'string' },
    cuts: { type: 'string' },
    rows: { type: 'string' },
    output: { type: 'string' },
    seed: { type: 'string' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const inputShape = option(context, 'input-shape')
    const cuts = option(context, 'cuts') ?? 'all'
    const rows = numberList(option(context, 'rows') ?? '2,3,4', 'rows').filter((count) => count !== 0)
    if (rows.some((count) => !Number.isInteger(count) || count < 2)) {
      throw new UsageError('--rows: whole numbers of at least 2, or 0')
    }
    const chosen = cuts === 'all' ? {} : { cuts: wholeNumber(cuts, 'cuts', 1) }
    const seed = wholeNumber(option(context, 'seed') ?? '1', 'seed', 0)
    const { graph, manifest } = await readModelAt(context.path(positional(context, 0, 'MODEL')), {
      inputShape,
      weights: true,
    })
    const output = option(context, 'output') ?? manifest?.final.output
    const result = await verifyModel(graph, {
      ...chosen,
      rows,
      output,
      seed,
      progress: context.progress,
      signal: context.signal,
    })
    context.result(result)
    const error = (value: number) => value.toExponential(1)
    context.print(`cuts:  ${result.cuts.checked} checked, largest error ${error(result.cuts.maxAbsError)}`)
    context.print(`tiles: ${result.tiles.checked} checked, largest error ${error(result.tiles.maxAbsError)}`)
    for (const { from, to, node, why } of result.tiles.untileable) context.print(`  ${from} -> ${to}: ${node}: ${why}`)
    context.print(`with graph optimisation on: ${error(result.optimisedMaxAbsError)} (not judged)`)
    context.print(result.ok ? 'ok' : `an error exceeds ${TOLERANCE} of the output's range`)
    if (!result.ok) context.warn(`an error exceeds ${TOLERANCE} of the output's range`)
    return result.ok ? 0 : 1
  },
}
