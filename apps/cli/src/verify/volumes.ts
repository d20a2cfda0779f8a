import type { TensorName } from '@roomful/core'
import { type GraphAnalysis, tileable } from '@roomful/graph'

export interface Volume {
  readonly from: TensorName
  readonly to: TensorName
}

export interface Untileable extends Volume {
  /** The node that forbids it. */
  readonly node: string
  readonly why: string
}

/**
 * The volumes to tile over a chain of tensors that separate: all between neighbours, and between far-apart ones those
 * whose length doubles (2, 4, 8, ... neighbours) and every longest stretch that can be tiled at all.
 */
export function tileVolumes(
  analysis: GraphAnalysis,
  chain: readonly TensorName[],
): { volumes: Volume[]; untileable: Untileable[] } {
  const volumes: Volume[] = []
  const untileable: Untileable[] = []
  let stretch: TensorName[] = chain.slice(0, 1)
  const stretches = [stretch]
  for (const [i, to] of chain.slice(1).entries()) {
    const from = chain[i] as TensorName
    const answer = tileable(analysis, from, to)
    if (answer.ok) {
      volumes.push({ from, to })
      stretch.push(to)
    } else {
      untileable.push({ from, to, node: answer.node, why: answer.why })
      stretch = [to]
      stretches.push(stretch)
    }
  }
  for (const one of stretches) volumes.push(...farApart(analysis, one, untileable))
  return { volumes, untileable }
}

function farApart(analysis: GraphAnalysis, stretch: readonly TensorName[], untileable: Untileable[]): Volume[] {
  const last = stretch.length - 1
  const pairs: [number, number][] = []
  for (let length = 2; length < last; length *= 2) {
    for (let start = 0; start + length <= last; start += length) pairs.push([start, start + length])
  }
  if (last >= 2) pairs.push([0, last])
  const out: Volume[] = []
  for (const [start, end] of pairs) {
    const from = stretch[start] as TensorName
    const to = stretch[end] as TensorName
    const answer = tileable(analysis, from, to)
    if (answer.ok) out.push({ from, to })
    else untileable.push({ from, to, node: answer.node, why: answer.why })
  }
  return out
}
