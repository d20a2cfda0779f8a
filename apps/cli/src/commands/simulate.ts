import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type PlannableModel, readRoom, vggModel } from '@roomful/planner'
import { chromeTrace, describeSimulation, readScenario, type Scenario, simulate } from '@roomful/simulator'
import { type Command, type CommandContext, CommandError, option, positional } from '../command.ts'
import { plannableOf, readModelAt } from '../model/read.ts'

/** Largest SCENARIO.json that is read, in bytes. */
const MAX_SCENARIO_BYTES = 16 << 20

export const simulateCommand: Command = {
  summary: 'Plays a scenario on the browsers’ own runtime in simulated time',
  usage: 'SCENARIO.json [--trace FILE]',
  help: `
The scenario holds the room, the model, the requests and what happens meanwhile; docs/simulator.md explains every key.
  --trace        writes Chrome trace events of all requests to FILE (opens in Perfetto)
  --input-shape  sizes for symbolic dimensions of the model's input
  --json         {scenario, seed, durationMs, method, percentiles, throughputPerSecond, utilisation, bytes, replans,
                 exits, plan, requests: [{id, startMs, endMs, method, outcome, exit?, trace?}], runs}
All times are simulated; equal scenarios give equal results.`,
  options: { trace: { type: 'string' }, 'input-shape': { type: 'string' } },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const file = context.path(positional(context, 0, 'SCENARIO.json'))
    const scenario = readScenario(await readJson(file))
    const model = await modelOf(scenario, file, context)
    const result = await simulate(scenario, model, { signal: context.signal })
    const trace = option(context, 'trace')
    if (trace !== undefined) await writeText(context.path(trace), JSON.stringify(chromeTrace(result)))
    context.result(result)
    for (const line of describeSimulation(result)) context.print(line)
    return result.requests.some(({ outcome }) => outcome === 'ok') ? 0 : 1
  },
}

/** `vgg16` and `vgg19` are known by name; anything else is a path relative to the scenario. */
async function modelOf(scenario: Scenario, file: string, context: CommandContext): Promise<PlannableModel> {
  const { model } = scenario
  if (model === 'vgg16' || model === 'vgg19') return vggModel(model)
  const inputShape = option(context, 'input-shape')
  const at = path.resolve(path.dirname(file), model)
  const { privateUntil } = readRoom(scenario.room).limits
  const keep = privateUntil === undefined ? [] : [privateUntil]
  return plannableOf(await readModelAt(at, { inputShape, weights: false }), keep)
}

async function writeText(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((cause: unknown) => {
    throw new CommandError('file', `${file}: cannot be written`, { cause })
  })
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CommandError('file', `${file}: cannot be read`, { cause })
  })
  if (text.length > MAX_SCENARIO_BYTES) {
    throw new CommandError('input', `${file}: longer than ${MAX_SCENARIO_BYTES} bytes`)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CommandError('input', `${file}: is not JSON`, { cause })
  }
}
