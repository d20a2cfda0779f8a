import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from '../command.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** Predicted against measured segments in Chromium; 1 when fewer than 80 % are within 15 %. */
export async function runPredictor(context: CommandContext): Promise<0 | 1> {
  const { benchPredictor, predictorMarkdown } = await import('@roomful/bench/predictor')
  const result = await benchPredictor({
    folders: { packages: path.join(ROOT, 'public', 'models'), files: path.join(ROOT, '..', 'shared', 'models') },
    quick: context.values['quick'] === true,
    print: (line) => context.warn(line),
  })
  const markdown = predictorMarkdown(result)
  if (context.values['write'] === true) {
    const folder = path.join(ROOT, 'docs', 'benchmarks')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'predictor.md'), markdown)
  }
  context.print(markdown)
  context.result(result)
  return result.summary.within15 >= 0.8 ? 0 : 1
}
