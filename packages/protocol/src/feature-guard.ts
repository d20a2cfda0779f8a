import type { NoticeOf } from './peer.ts'
import { TOKEN } from './schema/common.ts'

/**
 * Whether `value`, as JSON.parse makes it, is the body of a `feature` notice without its blobs. Says the same as the schema
 * in schema/peer.ts (feature-guard.test.ts holds them together), straight on: every feature map passes here, and on a short
 * way the schema's generic walk costs as much as all the rest of a small message. False only sends it to the schema.
 * `besides`: a key that is there too, and was looked at by the caller.
 */
export function isFeatureBody(value: unknown, besides?: 'blobs'): value is Omit<NoticeOf<'feature'>, 'blobs'> {
  if (!isPlainObject(value)) return false
  const { relay, rows } = value
  if (rows !== undefined && countKeys(rows) !== 2) return false
  const optional = (besides === undefined ? 0 : 1) + (relay === undefined ? 0 : 1) + (rows === undefined ? 0 : 1)
  return countKeys(value) === 8 + optional && hasFeatureValues(value)
}

type Plain = Readonly<Record<keyof NoticeOf<'feature'>, unknown>>

/** The same of an object whose keys, and those of its rows, are known to be the right ones. */
export function hasFeatureValues(value: Partial<Plain>): value is Omit<NoticeOf<'feature'>, 'blobs'> {
  const { requestId, planId, initiator, volume, shards, exits, relay, rows, remainingMs, encoding } = value
  return (
    (relay === undefined || typeof relay === 'boolean') &&
    (rows === undefined || isRange(rows)) &&
    isToken(requestId, 160) &&
    isToken(planId, 160) &&
    isToken(initiator, 64) &&
    isWhole(volume, 1024) &&
    isListOf(shards, isIndex) &&
    isListOf(exits, isName) &&
    isQuantity(remainingMs) &&
    (encoding === 'feature' || encoding === 'jpeg' || encoding === 'webp')
  )
}

function isPlainObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function countKeys(value: unknown): number {
  let count = 0
  for (const _ in value as object) count++
  return count
}

function isToken(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value.length <= maxLength && TOKEN.test(value)
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most
}

const isIndex = (value: unknown): boolean => isWhole(value, 1024)
const isName = (value: unknown): boolean => typeof value === 'string' && value.length >= 1 && value.length <= 512

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  if (!Array.isArray(value) || value.length > 64) return false
  for (const item of value as unknown[]) if (!isItem(item)) return false
  return true
}

function isRange(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { start, end } = value as { start?: unknown; end?: unknown }
  return isWhole(start, 2 ** 40) && isWhole(end, 2 ** 40) && start < end
}

function isQuantity(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1e12
}
