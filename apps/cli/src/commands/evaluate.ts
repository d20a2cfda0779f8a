import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { errorText } from '@roomful/core'
import { manifestText, openModelPackage } from '@roomful/model'
import { type Command, type CommandContext, option, positional, UsageError, wholeNumber } from '../command.ts'
import { type Evaluation, evaluateModel, type LabelledPicture } from '../evaluate/evaluate.ts'
import { withMeasured } from '../evaluate/update.ts'
import { directorySource } from '../model/directory.ts'
import { readPicture } from '../pictures/decode.ts'
import { type LabelledFile, readImageFolder } from '../pictures/image-folder.ts'
import { PictureError } from '../pictures/picture-error.ts'
import { spread } from '../spread.ts'

export const evaluate: Command = {
  summary: 'Accuracy and work of a model package on labelled pictures: exits, policy, wire formats',
  usage: 'MODEL_DIR --data IMAGEFOLDER [--variants all|NAME,NAME] [--limit N] [--update]',
  help: `
  --data      ImageFolder tree: one folder per class, .jpg and .png inside; classes in the order of their names
  --variants  wire variants to measure at every partition point: all, or names such as int8,int4
  --limit     at most N pictures, spread evenly over the folder
  --update    write the accuracies into the package's model.json; a run with --variants writes those of the wire
              variants only, so that both can be measured on as many pictures as time allows
  --json      {images, exits, policy, wire, trunks}; accuracies 0..1, multiply-accumulates per picture`,
  options: {
    data: { type: 'string' },
    variants: { type: 'string' },
    limit: { type: 'string' },
    update: { type: 'boolean' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const data = option(context, 'data')
    if (data === undefined || data === '') throw new UsageError('evaluate: --data is missing')
    const limit = option(context, 'limit')
    const variants = variantNames(option(context, 'variants'))
    const folder = context.path(positional(context, 0, 'MODEL_DIR'))
    const source = directorySource(folder)
    const model = await openModelPackage(source, { signal: context.signal })
    const all = await readImageFolder(context.path(data), model.manifest.labels)
    const files = limit === undefined ? all : spread(all, wholeNumber(limit, 'limit', 1))
    const result = await evaluateModel(model, pictures(files, context), variants)
    if (context.values['update'] === true) {
      const manifest = await withMeasured(model.manifest, result, path.basename(context.path(data)))
      await writeFile(path.join(folder, 'model.json'), manifestText(manifest))
    }
    context.result(result)
    for (const line of table(result)) context.print(line)
    return 0
  },
}

function variantNames(text: string | undefined): 'all' | string[] {
  if (text === undefined || text === 'none') return []
  return text === 'all' ? 'all' : text.split(',')
}

/** Decodes one after the other; what cannot be decoded is counted and named once on standard error. */
async function* pictures(files: readonly LabelledFile[], context: CommandContext): AsyncGenerator<LabelledPicture> {
  const broken: string[] = []
  for (const [i, { file, label }] of files.entries()) {
    context.signal.throwIfAborted()
    try {
      yield { picture: await readPicture(file), label }
    } catch (error) {
      if (!(error instanceof PictureError)) throw error
      broken.push(errorText(error))
    }
    context.progress.update('pictures', i + 1, files.length)
  }
  context.progress.end()
  if (broken.length > 0) context.warn(`${broken.length} pictures left out; the first: ${broken[0]}`)
}

function table(result: Evaluation): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const mega = (macs: number) => `${(macs / 1e6).toFixed(1)} MMAC`
  const lines = [`${result.images} pictures`]
  for (const [i, exit] of result.exits.entries()) {
    const share = percent(result.policy.exitShares[i] ?? 0)
    lines.push(
      `  ${exit.name.padEnd(12)} top-1 ${percent(exit.top1).padStart(8)}  ${mega(exit.macs).padStart(12)}  answers ${share}`,
    )
  }
  const trunk = result.trunks[0]?.macs ?? 0
  const { policy } = result
  const saved = percent(policy.meanMacs / Math.max(1, trunk))
  lines.push(
    `  policy       top-1 ${percent(policy.top1).padStart(8)}  ${mega(policy.meanMacs).padStart(12)}  ${saved} of the trunk`,
  )
  for (const w of result.wire) {
    const bytes = `${w.bytes} bytes`.padStart(14)
    lines.push(`  ${w.variant.padEnd(8)} at ${w.partitionPoint}: top-1 ${percent(w.top1)} ${bytes}`)
  }
  return lines
}
