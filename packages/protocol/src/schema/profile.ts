import { BACKENDS } from '@roomful/core'
import * as v from 'valibot'
import { CountSchema, DeviceIdSchema, DigestSchema, QuantitySchema, ShareSchema } from './common.ts'

const CoefficientsSchema = v.pipe(
  v.record(
    v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
    v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(16)),
  ),
  v.check((record) => Object.keys(record).length <= 64, 'at most 64 operators have coefficients'),
)

const BackendSpeedSchema = v.strictObject({
  backend: v.picklist(BACKENDS),
  threads: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(256)),
  gmacsPerSecond: QuantitySchema,
  overheadMs: QuantitySchema,
  burst: v.exactOptional(v.pipe(v.number(), v.minValue(1), v.maxValue(100))),
  coefficients: v.exactOptional(CoefficientsSchema),
})

/** A DeviceProfile of another device, every part of it bounded. */
export const DeviceProfileSchema = v.strictObject({
  id: DeviceIdSchema,
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(40)),
  protocol: CountSchema,
  role: v.picklist(['worker', 'observer']),
  backends: v.pipe(v.array(BackendSpeedSchema), v.maxLength(16)),
  models: v.pipe(v.array(DigestSchema), v.maxLength(64)),
  memoryMb: QuantitySchema,
  storage: v.strictObject({
    quotaMb: QuantitySchema,
    writeMbPerSecond: QuantitySchema,
    readMbPerSecond: QuantitySchema,
  }),
  lending: v.boolean(),
  visible: v.boolean(),
  battery: v.exactOptional(v.strictObject({ level: ShareSchema, charging: v.boolean() })),
  load: ShareSchema,
})

export const LinkProfileSchema = v.strictObject({
  a: DeviceIdSchema,
  b: DeviceIdSchema,
  rttMs: QuantitySchema,
  mbitPerSecond: QuantitySchema,
  forwardMbitPerSecond: v.exactOptional(QuantitySchema),
  backwardMbitPerSecond: v.exactOptional(QuantitySchema),
})
export const LinkProfilesSchema = v.pipe(v.array(LinkProfileSchema), v.maxLength(256))
