import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, type CommandContext, positional, UsageError } from '../command.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** Benchmarks by name; each is loaded only when it runs. */
const BENCHES: Readonly<Record<string, (context: CommandContext) => Promise<0 | 1>>> = {
  planner: runPlanner,
  transport: runTransport,
}

export const bench: Command = {
  summary: 'Benchmarks and studies',
  usage: `${Object.keys(BENCHES).join('|')} [--quick] [--write]`,
  help: `
  planner   every method in DistrEdge's rooms, auto against all plans of small cases, planning times, exits, compression
  transport goodput and echo of feature-map messages in two Chromium processes, against a raw channel and PeerJS
  --quick   a minute instead of a quarter of an hour
  --write   puts the tables and the plot into docs/`,
  options: { quick: { type: 'boolean' }, write: { type: 'boolean' } },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const name = positional(context, 0, 'BENCH')
    const run = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
    if (run === undefined) throw new UsageError(`unknown bench ${name}; there are ${Object.keys(BENCHES).join(', ')}`)
    return run(context)
  },
}

async function runPlanner(context: CommandContext): Promise<0> {
  const { benchPlanner, comparisonPlot, replaceGenerated, reportMarkdown } = await import('@roomful/bench')
  const result = await benchPlanner({
    models: path.join(ROOT, '..', 'shared', 'models'),
    shipped: path.join(ROOT, 'public', 'models', 'imagenette'),
    quick: context.values['quick'] === true,
    onProgress: (line) => context.warn(line),
  })
  const markdown = reportMarkdown(result)
  if (context.values['write'] === true) {
    const document = path.join(ROOT, 'docs', 'planner.md')
    await writeFile(document, replaceGenerated(await readFile(document, 'utf8'), markdown))
    await writeFile(path.join(ROOT, 'docs', 'planner-comparison.svg'), comparisonPlot(result.comparison))
  }
  context.print(markdown)
  context.result(result)
  return 0
}

async function runTransport(context: CommandContext): Promise<0> {
  const { benchTransport } = await import('@roomful/bench/transport')
  const result = await benchTransport({
    quick: context.values['quick'] === true,
    print: (line) => context.warn(line),
  })
  context.print(JSON.stringify(result.summary, null, 2))
  context.result(result)
  return 0
}
