/**
 * Branded strings: an id of one kind cannot be passed where another is expected. At run time they are plain strings.
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** One tab in a room; lives as long as the tab's page. */
export type DeviceId = Branded<'DeviceId'>
/** Derived from the room key (never the key itself). */
export type RoomId = Branded<'RoomId'>
/** One inference, unique in the room. */
export type RequestId = Branded<'RequestId'>
/** One installed plan, unique in the room. */
export type PlanId = Branded<'PlanId'>
/** Hex SHA-256 over the model package's files (see packages/model). */
export type ModelDigest = Branded<'ModelDigest'>
/** Name of a value in an ONNX graph. ONNX names are free strings, so this is an alias, not a brand. */
export type TensorName = string
/** Name of an exit in the manifest; the last one is always `final`. */
export type ExitName = string
/** Name of a trunk (weight variant) in the manifest, `main` by default. */
export type TrunkName = string

/** The name under which the trunk's own output is reported beside the early exits. */
export const FINAL_EXIT: ExitName = 'final'

export const deviceId = (text: string): DeviceId => text as DeviceId
export const roomId = (text: string): RoomId => text as RoomId
export const requestId = (text: string): RequestId => text as RequestId
export const planId = (text: string): PlanId => text as PlanId
export const modelDigest = (text: string): ModelDigest => text as ModelDigest
