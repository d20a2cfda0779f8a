import { VirtualClock, type WireFormat } from '@roomful/core'
import { CodecModel } from '@roomful/planner'
import { verdictOf } from '@roomful/tensor'
import { describe, expect, it } from 'vitest'
import { markedMap, markOf } from '../model/mark.ts'
import { packedBytes, simulatedCodec } from './simulated-codec.ts'

const WIRES: readonly WireFormat[] = ([32, 16, 8, 4] as const).flatMap((bits) =>
  (['none', 'deflate'] as const).map((entropy) => ({ bits, entropy })),
)

async function travelled(map: ReturnType<typeof markedMap>, wire: WireFormat) {
  const clock = new VirtualClock()
  const codec = simulatedCodec(
    clock,
    () => new CodecModel({ gmacsPerSecond: 1 }),
    () => undefined,
  )
  const there = async () => {
    const bytes = await codec.encode(map, wire)
    return { bytes, map: await codec.decode(bytes, { maxElements: 1e6 }) }
  }
  return clock.runUntil(there(), 60_000)
}

describe('the simulated codec', () => {
  it.each(WIRES)('hands on the verdict of logits over $bits bits, $entropy', async (wire) => {
    for (const dims of [
      [1, 10],
      [1, 10, 1, 1],
      [1, 1],
    ]) {
      const sure = markedMap(dims, 0)
      sure.data[0] = 1e4
      const unsure = markedMap(dims, 0)
      expect(verdictOf((await travelled(sure, wire)).map, 1)).toEqual(verdictOf(sure, 1))
      expect(verdictOf((await travelled(unsure, wire)).map, 1)).toEqual(verdictOf(unsure, 1))
    }
  })

  it.each(WIRES)('hands on the mark in every row over $bits bits, $entropy, in so many bytes', async (wire) => {
    const map = markedMap([1, 8, 6, 5], 77)
    const { map: come, bytes } = await travelled(map, wire)
    expect(markOf(come)).toBe(77)
    expect(come.data).toEqual(map.data)
    expect(bytes.length).toBe(packedBytes(map.dims, wire))
  })
})
