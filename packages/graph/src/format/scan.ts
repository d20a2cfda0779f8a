import { GraphError } from '../error.ts'
import { MAX_FIELDS, MAX_MESSAGES } from './limits.ts'

/** Message fields of the .proto that become objects when parsed: field number -> the fields of that message. */
interface Schema {
  readonly [field: number]: Schema
}

const leaf: Schema = {}
const tensor: Schema = { 13: leaf }
const valueInfo: Schema = { 2: { 1: { 2: { 1: leaf } } } }
const graph: Schema = { 1: { 5: { 5: tensor } }, 5: tensor, 11: valueInfo, 12: valueInfo, 13: valueInfo }
const model: Schema = { 7: graph, 8: leaf, 14: leaf }

/**
 * Walks the wire form without allocating, before the real parser makes objects of it: two bytes of an empty sub-message
 * would otherwise become hundreds. Groups (never used by ONNX) are refused, so that nothing can nest without bound.
 * @throws GraphError `malformed` (truncated, bad wire type) or `too-large`
 */
export function scanModel(bytes: Uint8Array): void {
  let messages = 0
  let fields = 0
  let at = 0

  const varint = (end: number): number => {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i += 1) {
      if (at >= end) throw new GraphError('malformed', 'the model file is truncated')
      const byte = bytes[at] ?? 0
      at += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new GraphError('malformed', `bad varint at byte ${at}`)
  }

  const walk = (end: number, schema: Schema): void => {
    messages += 1
    if (messages > MAX_MESSAGES)
      throw new GraphError('too-large', `more than ${MAX_MESSAGES} entries in the model file`)
    while (at < end) {
      fields += 1
      if (fields > MAX_FIELDS) throw new GraphError('too-large', `more than ${MAX_FIELDS} fields in the model file`)
      const tag = varint(end)
      const wireType = tag % 8
      if (wireType === 0) varint(end)
      else if (wireType === 1) at += 8
      else if (wireType === 5) at += 4
      else if (wireType === 2) {
        const length = varint(end)
        const stop = at + length
        if (stop > end) throw new GraphError('malformed', `a field at byte ${at} is longer than the file`)
        const inner = schema[Math.floor(tag / 8)]
        if (inner === undefined) at = stop
        else walk(stop, inner)
      } else throw new GraphError('malformed', `wire type ${wireType} at byte ${at}: not an ONNX file`)
      if (at > end) throw new GraphError('malformed', 'the model file is truncated')
    }
  }
  walk(bytes.length, model)
}
