import { checkPlan, type Plan } from '@roomful/core'
import { Duration, issueText, METHODS, Rate, SEGMENT_MS } from '@roomful/planner'
import * as v from 'valibot'
import { SimulatorError } from './error.ts'

/** As the protocol has them: a message that names another one would be refused on its way. */
const Id = v.pipe(
  v.string(),
  v.maxLength(64),
  v.regex(/^[\w.:/#@+-]+$/, 'an id of letters, digits and ._:/#@+- is expected'),
)
const Positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const NotNegative = v.pipe(v.number(), v.finite(), v.minValue(0))
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const Count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000))

const RequestsSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('closed'),
    count: Count,
    untilMs: v.optional(Positive),
    inFlight: v.optional(v.pipe(Count, v.maxValue(16)), 1),
    deadlineMs: v.optional(Positive, 10_000),
  }),
  v.strictObject({
    kind: v.literal('rate'),
    count: Count,
    perSecond: Positive,
    arrivals: v.optional(v.picklist(['poisson', 'even']), 'poisson'),
    deadlineMs: v.optional(Positive, 10_000),
  }),
])

const At = { atMs: NotNegative }
const EventSchema = v.variant('kind', [
  v.strictObject({ ...At, kind: v.literal('load'), device: Id, load: Share }),
  v.strictObject({
    ...At,
    kind: v.literal('link'),
    a: Id,
    b: Id,
    mbitPerSecond: v.optional(Rate),
    rttMs: v.optional(Duration),
    lossProbability: v.optional(Share),
    jitterMs: v.optional(NotNegative),
    overMs: v.optional(Positive),
  }),
  v.strictObject({ ...At, kind: v.literal('silence'), a: Id, b: Id, forMs: Positive }),
  v.strictObject({ ...At, kind: v.literal('join'), device: Id }),
  v.strictObject({ ...At, kind: v.literal('leave'), device: Id }),
  v.strictObject({ ...At, kind: v.literal('kill'), device: Id }),
])

const ScenarioSchema = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.maxLength(200)), ''),
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
  room: v.looseObject({ initiator: Id, devices: v.array(v.looseObject({ id: Id })) }),
  methods: v.optional(v.pipe(v.array(v.picklist(METHODS.map(({ name }) => name))), v.minLength(1), v.maxLength(32))),
  plan: v.optional(v.looseObject({})),
  replanning: v.optional(v.boolean(), true),
  sharedAccess: v.optional(v.boolean(), true),
  segmentMs: v.optional(Positive, SEGMENT_MS),
  requests: RequestsSchema,
  events: v.optional(v.pipe(v.array(EventSchema), v.maxLength(10_000)), []),
})

type ScenarioJson = v.InferOutput<typeof ScenarioSchema>
export type RequestPattern = v.InferOutput<typeof RequestsSchema>
export type ScenarioEvent = v.InferOutput<typeof EventSchema>
/** ROOM.json as it stands in the scenario; the planner's `readRoom` checks it. */
export type RoomJson = ScenarioJson['room']

/** What is simulated. docs/simulator.md explains every key. */
export interface Scenario extends Omit<ScenarioJson, 'plan' | 'methods'> {
  /** Each is a run of its own on the same seed; empty when a plan is given. */
  readonly methods: readonly string[]
  readonly plan?: Plan
}

/**
 * SCENARIO.json, parsed.
 * @throws SimulatorError `scenario`, naming the key that is unknown, absent or wrong; PlanError for a malformed plan
 */
export function readScenario(value: unknown): Scenario {
  const parsed = v.safeParse(ScenarioSchema, value)
  if (!parsed.success) throw bad(issueText(parsed.issues[0]))
  const { plan, methods, ...rest } = parsed.output
  if (plan !== undefined && methods !== undefined) throw bad('give either methods or a plan, not both')
  checkEvents(rest)
  return {
    ...rest,
    methods: methods ?? (plan === undefined ? ['auto'] : []),
    ...(plan === undefined ? {} : { plan: checkPlan(plan) }),
  }
}

/** Devices whose first event is that they join: they are not there when the simulation begins. */
export function lateComers({ events }: Pick<Scenario, 'events'>): ReadonlySet<string> {
  const first = new Map<string, string>()
  for (const event of events.toSorted((a, b) => a.atMs - b.atMs)) {
    const coming = event.kind === 'join' || event.kind === 'leave' || event.kind === 'kill'
    if (coming && !first.has(event.device)) first.set(event.device, event.kind)
  }
  return new Set([...first].flatMap(([device, kind]) => (kind === 'join' ? [device] : [])))
}

function checkEvents({ room, events }: Pick<ScenarioJson, 'room' | 'events'>): void {
  const known = new Set(room.devices.map(({ id }) => id))
  for (const [index, event] of events.entries()) {
    for (const id of 'device' in event ? [event.device] : [event.a, event.b]) {
      if (!known.has(id)) throw bad(`events.${index}: ${id} is not among the devices of the room`)
      const moves = event.kind === 'join' || event.kind === 'leave' || event.kind === 'kill'
      if (moves && id === room.initiator) throw bad(`events.${index}: the initiator ${id} stays in the room`)
    }
    if ('a' in event && event.a === event.b) throw bad(`events.${index}: a link leads from ${event.a} to itself`)
  }
}

const bad = (why: string) => new SimulatorError('scenario', `scenario: ${why}`)
