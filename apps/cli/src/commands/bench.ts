import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BenchModel, RoomBenchResult, Scenario } from '@roomful/bench/room'
import { type Command, type CommandContext, option, positional, UsageError, wholeNumber } from '../command.ts'
import { pageBuilt } from './bench-page.ts'
import { runPredictor } from './bench-predictor.ts'
import { sourceDigest } from './source-digest.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** Benchmarks by name; each is loaded only when it runs. */
const BENCHES: Readonly<Record<string, (context: CommandContext) => Promise<0 | 1>>> = {
  planner: runPlanner,
  predictor: runPredictor,
  room: runRoom,
  runtime: runRuntime,
  transport: runTransport,
}

export const bench: Command = {
  summary: 'Benchmarks and studies',
  usage: `${Object.keys(BENCHES).join('|')} [--quick] [--write]
room --scenario NAME|all [--quick] [--model NAME|PATH] [--seed N] [--trace FILE] [--request WHICH] [--write]`,
  help: `
  planner   every method in DistrEdge's rooms, auto against all plans of small cases, planning times, exits, compression
  predictor predicted against measured times of network segments in Chromium (WASM, 1 thread)
  room      every method in a room of emulated devices: real browsers with CPU shares, links with rate and delay
  runtime   per-request overhead over compute and links, for 1 to 4 Chromium processes
  transport goodput and echo of feature-map messages in two Chromium processes, against a raw channel and PeerJS
  --quick   a minute (planner, room: three) instead of a quarter of an hour; planner goes on where it was cut off
            (room with resnet50 or vgg19: up to twenty)
  --write   puts the tables and the plot into docs/
  --scenario  for room: a file of apps/bench/scenarios without .json, or all; all goes on where it was cut off
  --seed    for room: another order, other losses (default the scenario's)
  --model   for room: another model than the scenario's: a package of the page, mobilenetv2, resnet50, vgg19, squeezenet
            (from ../shared/models), an ONNX file or a package folder
  --trace   for room: Chrome trace of a request of median length of each method
  --request for room: another one: slowest (of each method), all, or METHOD:BLOCK:REQUEST, numbers from 0 as in samples
room --json: {scenario, model, rows: [{method, model, meanMs, ciMs, p95Ms, ratioToLocal, ratioToLimit, top1, bytes, ...}],
summary, notes, throughput, played, environment, solo, plans, samples, traces}; with all: {scenarios: [...]}`,
  options: {
    quick: { type: 'boolean' },
    write: { type: 'boolean' },
    scenario: { type: 'string' },
    seed: { type: 'string' },
    model: { type: 'string' },
    trace: { type: 'string' },
    request: { type: 'string' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const name = positional(context, 0, 'BENCH')
    const run = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
    if (run === undefined) throw new UsageError(`unknown bench ${name}; there are ${Object.keys(BENCHES).join(', ')}`)
    return run(context)
  },
}

/** What the planner's figures depend on. */
const PLANNER_SOURCES = [
  'packages/graph/src',
  'packages/planner/src',
  'packages/runtime/src',
  'packages/simulator/src',
  'packages/transport/src/testing',
  'apps/bench/src/planner',
  'public/models/imagenette/model.json',
  'public/models/handsigns/model.json',
] as const

async function runPlanner(context: CommandContext): Promise<0> {
  const { benchPlanner, comparisonPlot, replaceGenerated, reportMarkdown } = await import('@roomful/bench')
  const result = await benchPlanner({
    models: path.join(ROOT, '..', 'shared', 'models'),
    shipped: path.join(ROOT, 'public', 'models'),
    quick: context.values['quick'] === true,
    keep: path.join(ROOT, 'node_modules', '.cache', 'roomful-bench', 'planner'),
    version: await sourceDigest(PLANNER_SOURCES.map((folder) => path.join(ROOT, folder))),
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
  const { benchRoom, DIST, loadScenario, resumed, roomMarkdown, roomTrace, scenarioNames, traceChoice } = await import(
    '@roomful/bench/room'
  )
  const wanted = option(context, 'scenario')
  if (wanted === undefined) throw new UsageError(`--scenario is missing: ${scenarioNames().join(', ')} or all`)
  const seedText = option(context, 'seed')
  const seed = seedText === undefined ? {} : { seed: wholeNumber(seedText, 'seed', 0) }
  const request = option(context, 'request') ?? 'median'
  const choice = traceChoice(request)
  if (choice === undefined) throw new UsageError(`--request ${request}: median, slowest, all or METHOD:BLOCK:REQUEST`)
  const quick = context.values['quick'] === true
  const all = wanted === 'all'
  const scenarios = (all ? scenarioNames() : [wanted]).map(loadScenario)
  const remarks = await pageBuilt(ROOT, DIST, (line) => context.warn(line))
  const model = await modelOption(context)
  const { signal } = context
  const run = (scenario: Scenario) =>
    // One scenario's time is that of the whole command.
    benchRoom({
      scenario,
      quick,
      ...seed,
      ...model,
      ...(all ? {} : { beganMs: 0 }),
      remarks,
      signal,
      print: (line) => context.warn(line),
    })
  const told = async (result: RoomBenchResult) => {
    if (context.values['write'] === true) await writeRoom(result)
    context.print(roomMarkdown(result))
  }
  // What was measured with other sources, another page or another model is no part of this run.
  const version = await sourceDigest([
    ...ROOM_SOURCES.map((folder) => path.join(ROOT, folder)),
    path.join(DIST, 'index.html'),
    ...[...new Set(scenarios.map((each) => path.join(DIST, each.model)))].map((folder) =>
      path.join(model.model?.folder ?? folder, 'model.json'),
    ),
  ])
  const keyOf = ({ name, seed: own }: Scenario) =>
    [name, model.model?.name, quick ? 'quick' : 'full', seed.seed ?? own, version].filter(isGiven).join('-')
  const results = await (all
    ? resumed(KEPT, scenarios, keyOf, run, told)
    : Promise.all(
        scenarios.map(async (scenario) => {
          const result = await run(scenario)
          await told(result)
          return result
        }),
      ))
  const trace = option(context, 'trace')
  if (trace !== undefined) {
    const shown = roomTrace(results, choice)
    if (shown.traceEvents.length === 0) context.warn(`--request ${request}: no such request was answered`)
    await writeFile(context.path(trace), JSON.stringify(shown))
  }
  const printed = results.map(({ requestTraces: _, ...rest }) => rest)
  const [first] = printed
  context.result(all || first === undefined ? { scenarios: printed } : first)
  return results.every(({ rows }) => rows.length > 0) ? 0 : 1
}

const isGiven = <T>(part: T | undefined): part is T => part !== undefined

/** What a room's figures depend on besides the page. */
const ROOM_SOURCES = [
  'apps/bench/scenarios',
  'apps/bench/src/room',
  'apps/cli/src/commands/bench-model.ts',
  'e2e/rig',
  'packages/core/src',
  'packages/engine/src',
  'packages/graph/src',
  'packages/planner/src',
  'packages/runtime/src',
  'packages/tensor/src',
  'signaling-server/src',
] as const

/** What `--scenario all` has done before it was cut off. */
const KEPT = path.join(ROOT, 'node_modules', '.cache', 'roomful-bench')

async function modelOption(context: CommandContext): Promise<{ model?: BenchModel }> {
  const wanted = option(context, 'model')
  if (wanted === undefined) return {}
  const { benchModel } = await import('./bench-model.ts')
  const { DIST } = await import('@roomful/bench/room')
  const folders = {
    root: ROOT,
    dist: DIST,
    shared: path.join(ROOT, '..', 'shared', 'models'),
    cache: path.join(ROOT, '.roomful', 'bench'),
  }
  return { model: await benchModel(wanted, (file) => context.path(file), folders) }
}

async function writeRoom(result: RoomBenchResult): Promise<void> {
  const { eventsCsv, roomCsv, roomFile, roomMarkdown, roomPlot, samplesCsv } = await import('@roomful/bench/room')
  const folder = path.join(ROOT, 'docs', 'benchmarks')
  await mkdir(folder, { recursive: true })
  const { samples: _, traces: _traces, requestTraces: _requests, played, ...figures } = result
  const { samples: _played, ...ends } = played ?? { samples: [] }
  const kept = { ...figures, ...(played === undefined ? {} : { played: ends }) }
  const name = roomFile(result)
  const file = (suffix: string) => path.join(folder, `${name}${suffix}`)
  await writeFile(file('.md'), roomMarkdown(result))
  await writeFile(file('.csv'), roomCsv(result))
  await writeFile(file('-samples.csv'), samplesCsv(result))
  const events = eventsCsv(result)
  if (events !== undefined) await writeFile(file('-events.csv'), events)
  await writeFile(file('.svg'), roomPlot(name, result.rows))
  await writeFile(file('.json'), `${JSON.stringify(kept, null, 2)}\n`)
}

async function runTransport(context: CommandContext): Promise<0> {
  const { benchTransport, transportMarkdown } = await import('@roomful/bench/transport')
  const result = await benchTransport({
    quick: context.values['quick'] === true,
    print: (line) => context.warn(line),
    signal: context.signal,
  })
  const markdown = transportMarkdown(result)
  if (context.values['write'] === true) {
    const folder = path.join(ROOT, 'docs', 'benchmarks')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'transport.md'), markdown)
  }
  context.print(markdown)
  context.result(result)
  return 0
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
