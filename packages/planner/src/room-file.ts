import { BACKENDS, type DeviceId, deviceId, type Topology } from '@roomful/core'
import * as v from 'valibot'
import { PlannerError } from './error.ts'
import { Duration, issueText, Rate } from './fields.ts'
import type { PlanningLimits } from './partitioners/limits.ts'
import { type DeviceDetail, type LatencyPredictor, RoomPredictor } from './predictor/predictor.ts'
import { WORK_FEATURES } from './predictor/work.ts'

const Id = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
const Positive = v.pipe(v.number(), v.finite(), v.gtValue(0))
const NotNegative = v.pipe(v.number(), v.finite(), v.minValue(0))
const Share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

/** How many numbers each kind of coefficients has in a profile (predictor/coefficients.ts). */
const COEFFICIENTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(WORK_FEATURES).map(([kind, features]) => [kind, features.length])),
  run: 4,
}

const BackendSchema = v.strictObject({
  backend: v.picklist(BACKENDS),
  gmacsPerSecond: Rate,
  overheadMs: v.optional(Duration, 0),
  threads: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1),
  coefficients: v.optional(v.record(v.string(), v.pipe(v.array(NotNegative), v.maxLength(16)))),
})

const TableEntry = v.strictObject({
  rows: v.pipe(v.number(), v.integer(), v.minValue(1)),
  efficiency: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
})

const DeviceSchema = v.strictObject({
  id: Id,
  name: v.optional(v.pipe(v.string(), v.maxLength(40))),
  gmacsPerSecond: v.optional(Rate),
  overheadMs: v.optional(Duration),
  backends: v.optional(v.pipe(v.array(BackendSchema), v.minLength(1), v.maxLength(8))),
  memoryMb: v.optional(Positive, 4096),
  rowStep: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
  table: v.optional(v.pipe(v.array(TableEntry), v.maxLength(4096))),
  codecMbPerSecond: v.optional(Rate),
  load: v.optional(Share, 0),
  lending: v.optional(v.boolean(), true),
  visible: v.optional(v.boolean(), true),
})

const LinkSchema = v.strictObject({
  a: Id,
  b: Id,
  mbitPerSecond: Rate,
  rttMs: v.optional(Duration, 0),
  startWindowBytes: v.optional(v.pipe(v.number(), v.finite(), v.minValue(1))),
})

const NO_DEFLATE = 'the methods weigh no deflated wires; only a given plan may name them'

const LimitsSchema = v.strictObject({
  objective: v.optional(v.picklist(['latency', 'throughput'])),
  maxAccuracyLoss: v.optional(Share),
  deadlineMs: v.optional(Positive),
  privacy: v.optional(v.picklist(['none', 'raw-stays-local'])),
  privateUntil: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(512))),
  exits: v.optional(v.boolean()),
  cache: v.optional(v.strictObject({ hitRate: Share, hitMs: Duration })),
  seed: v.optional(v.pipe(v.number(), v.integer())),
  episodes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))),
  learn: v.optional(v.boolean()),
  wire: v.optional(v.strictObject({ bits: v.picklist([32, 16, 8, 4]), entropy: v.literal('none', NO_DEFLATE) })),
})

const RoomSchema = v.strictObject({
  initiator: Id,
  devices: v.pipe(v.array(DeviceSchema), v.minLength(1), v.maxLength(64)),
  links: v.optional(v.pipe(v.array(LinkSchema), v.maxLength(2016)), []),
  limits: v.optional(LimitsSchema, {}),
})

type RoomJson = v.InferOutput<typeof RoomSchema>

/** A room from a file, ready for planning. docs/room-file.md explains every key. */
export interface RoomFile {
  readonly topology: Topology
  readonly predictor: LatencyPredictor
  readonly limits: PlanningLimits
}

/**
 * ROOM.json, parsed.
 * @throws PlannerError `room`, naming the key that is unknown, absent or wrong
 */
export function readRoom(value: unknown): RoomFile {
  const parsed = v.safeParse(RoomSchema, value)
  if (!parsed.success) throw new PlannerError('room', `room: ${issueText(parsed.issues[0])}`)
  const room = parsed.output
  checkNames(room)
  const topology = topologyOf(room)
  return { topology, predictor: predictorOf(room, topology), limits: room.limits as PlanningLimits }
}

function checkNames({ initiator, devices, links }: RoomJson): void {
  const ids = new Set(devices.map((device) => device.id))
  if (ids.size !== devices.length) throw new PlannerError('room', 'room: two devices have the same id')
  if (!ids.has(initiator)) throw new PlannerError('room', `room: initiator ${initiator} is not among the devices`)
  const pairs = new Set<string>()
  for (const { a, b } of links) {
    const unknown = [a, b].find((id) => !ids.has(id))
    if (unknown !== undefined)
      throw new PlannerError('room', `room: a link names ${unknown}, which is not among the devices`)
    if (a === b) throw new PlannerError('room', `room: a link leads from ${a} to itself`)
    const pair = [a, b].sort().join('\n')
    if (pairs.has(pair)) throw new PlannerError('room', `room: two links between ${a} and ${b}`)
    pairs.add(pair)
  }
  for (const { id, gmacsPerSecond, overheadMs, backends = [], table = [] } of devices) {
    if ((gmacsPerSecond === undefined) === (backends.length === 0)) {
      throw new PlannerError('room', `room: device ${id} needs either gmacsPerSecond or backends`)
    }
    if (overheadMs !== undefined && backends.length > 0) {
      throw new PlannerError('room', `room: device ${id}: overheadMs belongs to each of its backends`)
    }
    const twice = backends.find(({ backend }, at) => backends.findIndex((one) => one.backend === backend) < at)
    if (twice !== undefined) throw new PlannerError('room', `room: device ${id} has ${twice.backend} twice`)
    for (const { coefficients = {} } of backends) checkCoefficients(id, coefficients)
    const again = table.find(({ rows }, at) => table.findIndex((one) => one.rows === rows) < at)
    if (again !== undefined)
      throw new PlannerError('room', `room: device ${id}: its table has ${again.rows} rows twice`)
  }
}

/** Profiles that travel may be of another version and fall back; in a file a misspelled kind would quietly count for nothing. */
function checkCoefficients(id: string, coefficients: Readonly<Record<string, readonly number[]>>): void {
  for (const [kind, { length }] of Object.entries(coefficients)) {
    if (kind === 'rows') continue
    const expected = Object.hasOwn(COEFFICIENTS, kind) ? COEFFICIENTS[kind] : undefined
    if (expected === undefined) throw new PlannerError('room', `room: device ${id}: unknown key coefficients.${kind}`)
    if (length !== expected)
      throw new PlannerError(
        'room',
        `room: device ${id}: coefficients.${kind} needs ${expected} numbers, not ${length}`,
      )
  }
}

function topologyOf({ initiator, devices, links }: RoomJson): Topology {
  return {
    initiator: deviceId(initiator),
    devices: devices.map((device) => ({
      id: deviceId(device.id),
      name: device.name ?? device.id,
      protocol: 1,
      role: 'worker',
      backends: (
        device.backends ?? [
          {
            backend: 'ort-wasm' as const,
            gmacsPerSecond: device.gmacsPerSecond ?? 1,
            overheadMs: device.overheadMs ?? 0,
            threads: 1,
          },
        ]
      ).map(({ coefficients, ...speed }) => (coefficients === undefined ? speed : { ...speed, coefficients })),
      models: [],
      memoryMb: device.memoryMb,
      storage: { quotaMb: 0, writeMbPerSecond: 0, readMbPerSecond: 0 },
      lending: device.lending,
      visible: device.visible,
      load: device.load,
    })),
    links: links.map(({ a, b, mbitPerSecond, rttMs }) => ({ a: deviceId(a), b: deviceId(b), mbitPerSecond, rttMs })),
  }
}

function predictorOf({ devices, links }: RoomJson, topology: Topology): LatencyPredictor {
  const details = new Map<DeviceId, DeviceDetail>()
  for (const { id, rowStep, table, codecMbPerSecond } of devices) {
    details.set(deviceId(id), {
      ...(rowStep === undefined ? {} : { rowStep }),
      ...(table === undefined ? {} : { table: [...table].sort((a, b) => a.rows - b.rows) }),
      ...(codecMbPerSecond === undefined ? {} : { codecMbPerSecond }),
    })
  }
  const windows = new Map<string, number>()
  for (const { a, b, startWindowBytes } of links) {
    if (startWindowBytes !== undefined) windows.set(`${a}\n${b}`, startWindowBytes).set(`${b}\n${a}`, startWindowBytes)
  }
  return new RoomPredictor(topology, { details, startWindowBytes: (a, b) => windows.get(`${a}\n${b}`) })
}
