import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RoomBenchResult } from '@roomful/bench/room'
import { type Command, type CommandContext, option, positional, UsageError, wholeNumber } from '../command.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** Benchmarks by name; each is loaded only when it runs. */
const BENCHES: Readonly<Record<string, (context: CommandContext) => Promise<0 | 1>>> = {
  planner: runPlanner,
  room: runRoom,
  runtime: runRuntime,
  transport: runTransport,
}

export const bench: Command = {
  summary: 'Benchmarks and studies',
  usage: `${Object.keys(BENCHES).join('|')} [--quick] [--write]
room --scenario NAME|all [--quick] [--seed N] [--write]`,
  help: `
  planner   every method in DistrEdge's rooms, auto against all plans of small cases, planning times, exits, compression
  room      every method in a room of emulated devices: real browsers with CPU shares, links with rate and delay
  runtime   per-request overhead over compute and links, for 1 to 4 Chromium processes
  transport goodput and echo of feature-map messages in two Chromium processes, against a raw channel and PeerJS
  --quick   a minute (room: three) instead of a quarter of an hour
  --write   puts the tables and the plot into docs/
  --scenario  for room: a file of apps/bench/scenarios without .json, or all; all goes on where it was cut off
  --seed    for room: another order, other losses (default the scenario's)
room --json: {scenario, rows: [{method, model, meanMs, ciMs, p95Ms, ratioToLocal, ratioToLimit, top1, bytes, ...}],
notes, environment, solo, plans, samples, traces}; with all: {scenarios: [...]}`,
  options: {
    quick: { type: 'boolean' },
    write: { type: 'boolean' },
    scenario: { type: 'string' },
    seed: { type: 'string' },
  },
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

async function runRoom(context: CommandContext): Promise<0 | 1> {
  const { benchRoom, loadScenario, roomMarkdown, scenarioNames } = await import('@roomful/bench/room')
  const wanted = option(context, 'scenario')
  if (wanted === undefined) throw new UsageError(`--scenario is missing: ${scenarioNames().join(', ')} or all`)
  const seedText = option(context, 'seed')
  const seed = seedText === undefined ? {} : { seed: wholeNumber(seedText, 'seed', 0) }
  const quick = context.values['quick'] === true
  const scenarios = (wanted === 'all' ? scenarioNames() : [wanted]).map(loadScenario)
  const results: RoomBenchResult[] = []
  for (const scenario of scenarios) {
    const keptAt = path.join(KEPT, `${scenario.name}-${quick ? 'quick' : 'full'}-${seed.seed ?? scenario.seed}.json`)
    const kept = wanted === 'all' ? await readKept(keptAt) : undefined
    const result =
      kept ??
      (await benchRoom({ scenario, quick, ...seed, signal: context.signal, print: (line) => context.warn(line) }))
    if (wanted === 'all' && kept === undefined) {
      await mkdir(KEPT, { recursive: true })
      await writeFile(keptAt, JSON.stringify(result))
    }
    if (context.values['write'] === true) await writeRoom(result)
    context.print(roomMarkdown(result))
    results.push(result)
  }
  if (wanted === 'all') await rm(KEPT, { recursive: true, force: true })
  const [first] = results
  context.result(wanted === 'all' || first === undefined ? { scenarios: results } : first)
  return results.every(({ rows }) => rows.length > 0) ? 0 : 1
}

/** What `--scenario all` has done before it was cut off. */
const KEPT = path.join(ROOT, 'node_modules', '.cache', 'roomful-bench')

async function readKept(file: string): Promise<RoomBenchResult | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as RoomBenchResult)
}

async function writeRoom(result: RoomBenchResult): Promise<void> {
  const { roomCsv, roomMarkdown, samplesCsv } = await import('@roomful/bench/room')
  const folder = path.join(ROOT, 'docs', 'benchmarks')
  await mkdir(folder, { recursive: true })
  const { samples: _, traces: _traces, ...figures } = result
  const file = (suffix: string) => path.join(folder, `${result.scenario}${suffix}`)
  await writeFile(file('.md'), roomMarkdown(result))
  await writeFile(file('.csv'), roomCsv(result))
  await writeFile(file('-samples.csv'), samplesCsv(result))
  await writeFile(file('.json'), `${JSON.stringify(figures, null, 2)}\n`)
}

async function runRuntime(context: CommandContext): Promise<0> {
  const { benchRuntime, runtimeMarkdown } = await import('@roomful/bench/runtime')
  const result = await benchRuntime({
    quick: context.values['quick'] === true,
    signal: context.signal,
    print: (line) => context.warn(line),
  })
  const markdown = runtimeMarkdown(result)
  if (context.values['write'] === true) {
    const folder = path.join(ROOT, 'docs', 'benchmarks')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'runtime.md'), markdown)
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
