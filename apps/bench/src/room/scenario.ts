import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { ReasonedError } from '@roomful/core'
import * as v from 'valibot'
import type { PathShape } from '../../../../e2e/rig/path-shaper.ts'

/** `unknown`: there is no such scenario; `malformed`: the file is not as it must be, with the key in the message. */
export class ScenarioError extends ReasonedError<'unknown' | 'malformed'> {
  override readonly name = 'ScenarioError'
}

const FOLDER = path.resolve(import.meta.dirname, '../../scenarios')

const Name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'lower-case letters, digits and - are expected'))
const Positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const NotNegative = v.pipe(v.number(), v.finite(), v.minValue(0))
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const LinkEntries = {
  mbitPerSecond: v.optional(Positive),
  rttMs: v.optional(NotNegative),
  jitterMs: v.optional(NotNegative),
  lossProbability: v.optional(Share),
}

const DeviceSchema = v.strictObject({
  name: Name,
  /** Share of one core of this machine. */
  cores: v.pipe(Positive, v.maxValue(64)),
  browser: v.optional(v.picklist(['chromium', 'firefox']), 'chromium'),
  mobile: v.optional(v.boolean(), false),
  /** WebGPU in software, for functional runs: correct, and a hundred times slower than WASM. Chromium only. */
  webgpu: v.optional(v.boolean(), false),
  /** What its own way into the network carries; a pair gets the smaller of its two. */
  mbitPerSecond: v.optional(Positive),
  /** Comes only with its `join` event. */
  late: v.optional(v.boolean(), false),
})

const At = { atMs: NotNegative }
const EventSchema = v.variant('kind', [
  v.strictObject({
    ...At,
    kind: v.literal('link'),
    a: Name,
    b: Name,
    ...LinkEntries,
    blackhole: v.optional(v.boolean()),
    frozen: v.optional(v.boolean()),
  }),
  v.strictObject({ ...At, kind: v.literal('signalling'), state: v.picklist(['cut', 'restored', 'restarted']) }),
  v.strictObject({ ...At, kind: v.literal('signalling-delay'), delayMs: NotNegative }),
  v.strictObject({ ...At, kind: v.literal('freeze'), device: Name, forMs: Positive }),
  v.strictObject({ ...At, kind: v.literal('hide'), device: Name, forMs: Positive }),
  v.strictObject({ ...At, kind: v.literal('cpu'), device: Name, cores: Positive }),
  v.strictObject({ ...At, kind: v.literal('leave'), device: Name }),
  v.strictObject({ ...At, kind: v.literal('join'), device: Name }),
])

const ScenarioSchema = v.strictObject({
  about: v.pipe(v.string(), v.maxLength(400)),
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  /** Folder of a model package, relative to the page. */
  model: v.optional(v.pipe(v.string(), v.regex(/^models\/[\w-]+$/)), 'models/imagenette'),
  /** The first device asks. */
  devices: v.pipe(v.array(DeviceSchema), v.minLength(1), v.maxLength(16)),
  link: v.strictObject(LinkEntries),
  links: v.optional(v.array(v.strictObject({ a: Name, b: Name, ...LinkEntries })), []),
  /** Share of the requests that show a picture again that was shown before in the same block. */
  repeats: v.optional(Share, 0.3),
  /** Whether a quick run measures frames per second too; a full run always does. */
  streams: v.optional(v.boolean(), false),
  /** Happen once while `auto+exits` plans by itself; times since that run began. */
  events: v.optional(v.pipe(v.array(EventSchema), v.maxLength(100)), []),
})

export type ScenarioDevice = v.InferOutput<typeof DeviceSchema>
export type ScenarioEvent = v.InferOutput<typeof EventSchema>
export type Scenario = v.InferOutput<typeof ScenarioSchema> & { readonly name: string }

/** Every scenario file's name without `.json`. */
export function scenarioNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort()
}

/** @throws ScenarioError */
export function loadScenario(name: string): Scenario {
  const file = path.join(FOLDER, `${name}.json`)
  if (!/^[\w-]+$/.test(name) || !existsSync(file)) {
    throw new ScenarioError('unknown', `unknown scenario ${name}; there are ${scenarioNames().join(', ')}`)
  }
  let json: unknown
  try {
    json = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ScenarioError('malformed', `${name}: is not JSON: ${why}`, { cause })
  }
  return readScenario(name, json)
}

/** @throws ScenarioError `malformed`, naming the key */
export function readScenario(name: string, value: unknown): Scenario {
  const parsed = v.safeParse(ScenarioSchema, value)
  if (!parsed.success) {
    const [issue] = parsed.issues
    const where = v.getDotPath(issue) ?? '(root)'
    const why = issue.expected === 'never' ? `unknown key ${where}` : `${where}: ${issue.message}`
    throw new ScenarioError('malformed', `${name}: ${why}`)
  }
  const scenario = { ...parsed.output, name }
  checkNames(scenario)
  return scenario
}

function checkNames({ name, devices, links, events }: Scenario): void {
  const refuse = (why: string) => new ScenarioError('malformed', `${name}: ${why}`)
  const known = new Set(devices.map((device) => device.name))
  if (known.size !== devices.length) throw refuse('two devices have the same name')
  const [first] = devices
  if (first?.late) throw refuse('the first device asks and cannot be late')
  if (events.some((event) => event.kind === 'leave' && event.device === first?.name)) {
    throw refuse('the first device asks and cannot leave')
  }
  const pairs = [...links, ...events.filter((event) => event.kind === 'link')]
  const alone = pairs.find(({ a, b }) => a === b)
  if (alone !== undefined) throw refuse(`a link of ${alone.a} with itself`)
  const named = [...pairs.flatMap(({ a, b }) => [a, b]), ...events.flatMap((e) => ('device' in e ? [e.device] : []))]
  const unknown = named.find((device) => !known.has(device))
  if (unknown !== undefined) throw refuse(`${unknown} is not among the devices`)
  checkPresence(devices, events, refuse)
  const gpu = devices.find(({ browser, webgpu }) => webgpu && browser !== 'chromium')
  if (gpu !== undefined) throw refuse(`${gpu.name}: webgpu needs Chromium`)
}

/** Only who is away joins, only who is here leaves, and who is late comes. */
function checkPresence(
  devices: Scenario['devices'],
  events: Scenario['events'],
  refuse: (why: string) => ScenarioError,
): void {
  const absent = new Set(devices.filter(({ late }) => late).map((device) => device.name))
  for (const event of events.toSorted((a, b) => a.atMs - b.atMs)) {
    if (event.kind === 'join' && !absent.delete(event.device))
      throw refuse(`${event.device} joins and is there already`)
    if (event.kind === 'leave' && absent.has(event.device)) throw refuse(`${event.device} leaves and is not there`)
    if (event.kind === 'leave') absent.add(event.device)
  }
  const missing = devices.find(
    ({ name, late }) => late && !events.some((event) => event.kind === 'join' && event.device === name),
  )
  if (missing !== undefined) throw refuse(`${missing.name} is late and never joins`)
}

/** The link between two devices as the scenario states it: their own entry before the common one. */
export function linkOf(scenario: Scenario, a: string, b: string) {
  const own = scenario.links.find((link) => (link.a === a && link.b === b) || (link.a === b && link.b === a))
  const access = scenario.devices.flatMap(({ name, mbitPerSecond }) =>
    (name === a || name === b) && mbitPerSecond !== undefined ? [mbitPerSecond] : [],
  )
  const { mbitPerSecond, rttMs = 0, jitterMs = 0, lossProbability = 0 } = { ...scenario.link, ...own }
  const rates = [...(mbitPerSecond === undefined ? [] : [mbitPerSecond]), ...access]
  return { rttMs, jitterMs, lossProbability, ...(rates.length === 0 ? {} : { mbitPerSecond: Math.min(...rates) }) }
}

/** What the relay does in each direction: half a round trip. */
export function shapeOf(scenario: Scenario, a: string, b: string): PathShape {
  const { rttMs, ...rest } = linkOf(scenario, a, b)
  return { delayMs: rttMs / 2, ...rest }
}
