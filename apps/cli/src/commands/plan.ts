import { readFile } from 'node:fs/promises'
import { planDevices } from '@roomful/core'
import {
  METHODS,
  type PartitionResult,
  type PlanningLimits,
  planSchedule,
  planWith,
  planWithAll,
  readRoom,
  type Scheduled,
} from '@roomful/planner'
import { type Command, CommandError, option, positional, UsageError } from '../command.ts'
import { plannableOf, readModelAt } from '../model/read.ts'

/** Largest ROOM.json that is read, in bytes. */
const MAX_ROOM_BYTES = 4 << 20

/** Methods that train an agent. */
const LEARNING: ReadonlySet<string> = new Set(['distredge', 'cogent'])

interface Row {
  readonly method: string
  readonly result: PartitionResult
}

export const plan: Command = {
  summary: 'How a room would split a model, by every method',
  usage: 'MODEL --room ROOM.json [--method NAME|all] [--objective latency|throughput]',
  help: `
MODEL is an ONNX file (with or without weights) or the folder of a model package.
  --room         the devices, links and limits; docs/room-file.md explains the file
  --method       ${METHODS.map(({ name }) => name).join(' ')}, or all (default auto)
  --objective    latency (default) or throughput
  --input-shape  sizes for symbolic dimensions of the input
  --json         {plans: [{method, ok, reason?, message?, predictedMs, throughputPerSecond, bytes, macsRedundant,
                 devices, notes, plan}], planningMs, schedule?}; with --objective throughput 'schedule' is
                 {throughputPerSecond, parts: [{share, devices, plan}]}: whole pictures to several devices in turn
Times are predicted, not measured.`,
  options: {
    room: { type: 'string' },
    method: { type: 'string' },
    objective: { type: 'string' },
    'input-shape': { type: 'string' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const roomPath = option(context, 'room')
    if (roomPath === undefined) throw new UsageError('--room ROOM.json is missing')
    const method = option(context, 'method') ?? 'auto'
    if (method !== 'all' && !METHODS.some(({ name }) => name === method)) {
      throw new UsageError(`--method ${method}: known are ${METHODS.map(({ name }) => name).join(', ')} and all`)
    }
    const objective = option(context, 'objective')
    if (objective !== undefined && objective !== 'latency' && objective !== 'throughput') {
      throw new UsageError(`--objective ${objective}: latency or throughput is expected`)
    }
    const room = readRoom(await readJson(context.path(roomPath)))
    const inputShape = option(context, 'input-shape')
    const read = await readModelAt(context.path(positional(context, 0, 'MODEL')), {
      inputShape,
      weights: false,
    })
    const { privateUntil } = room.limits
    const model = plannableOf(read, privateUntil === undefined ? [] : [privateUntil])
    const limits: PlanningLimits = objective === undefined ? room.limits : { ...room.limits, objective }
    // Training in WebAssembly takes about a sixth of the time.
    if (method === 'all' || LEARNING.has(method)) await import('@tensorflow/tfjs-backend-wasm')
    const startMs = performance.now()
    const rows: Row[] =
      method === 'all'
        ? await planWithAll(model, room.topology, room.predictor, limits)
        : [{ method, result: await planWith(method, model, room.topology, room.predictor, limits) }]
    const planningMs = performance.now() - startMs
    const turns =
      limits.objective === 'throughput' ? planSchedule(model, room.topology, room.predictor, limits) : undefined
    const schedule = turns?.ok ? turns : undefined
    context.result({
      plans: rows.map(describe),
      planningMs,
      ...(schedule === undefined ? {} : { schedule: describeSchedule(schedule) }),
    })
    for (const row of rows) for (const line of lines(row)) context.print(line)
    if (schedule !== undefined) for (const line of turnLines(schedule)) context.print(line)
    context.print(`planned in ${planningMs.toFixed(0)} ms; all times are predicted`)
    return rows.some(({ result }) => result.ok) ? 0 : 1
  },
}

function describe({ method, result }: Row): object {
  if (!result.ok) return { method, ok: false, reason: result.reason, message: result.message }
  const { predicted } = result.plan
  return {
    method,
    ok: true,
    predictedMs: predicted.latencyMs,
    fullMs: predicted.fullMs,
    throughputPerSecond: predicted.throughputPerSecond,
    bytes: predicted.bytes,
    macsRedundant: result.evaluation.macsRedundant,
    accuracyLoss: result.evaluation.accuracyLoss,
    bottleneck: result.evaluation.bottleneck,
    devices: planDevices(result.plan),
    notes: result.notes,
    plan: result.plan,
  }
}

function describeSchedule({ schedule, throughputPerSecond }: Scheduled): object {
  const parts = schedule.map(({ plan: part, share }) => ({ share, devices: planDevices(part), plan: part }))
  return { throughputPerSecond, parts }
}

function turnLines({ schedule, throughputPerSecond }: Scheduled): string[] {
  const parts = schedule.map(
    ({ plan: part, share }) =>
      `${' '.repeat(14)}${Math.round(share * 100)} % of the pictures: ${planDevices(part).join(', ')}`,
  )
  return [`${'in turns'.padEnd(25)} ${throughputPerSecond.toFixed(2).padStart(9)}/s`, ...parts]
}

function lines({ method, result }: Row): string[] {
  if (!result.ok) return [`${method.padEnd(13)} ${'-'.padStart(9)}  ${result.message}`]
  const { latencyMs, throughputPerSecond, bytes } = result.plan.predicted
  const volumes = result.plan.volumes.length
  const cells = [
    method.padEnd(13),
    `${latencyMs.toFixed(1)} ms`.padStart(12),
    `${throughputPerSecond.toFixed(2)}/s`.padStart(11),
    `${(bytes / 1024).toFixed(0)} KiB`.padStart(10),
    `${volumes} volume${volumes === 1 ? '' : 's'} on ${planDevices(result.plan).join(', ')}`,
  ]
  return [cells.join(' '), ...result.notes.map((note) => `${' '.repeat(14)}${note}`)]
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CommandError('file', `${file}: cannot be read`, { cause })
  })
  if (text.length > MAX_ROOM_BYTES) throw new CommandError('input', `${file}: longer than ${MAX_ROOM_BYTES} bytes`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new CommandError('input', `${file}: is not JSON`, { cause })
  }
}
