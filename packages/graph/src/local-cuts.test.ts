import type { TensorName } from '@roomful/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { extract } from './extract.ts'
import { localCuts, localStep } from './local-cuts.ts'
import type { ModelGraph } from './model-graph.ts'
import { partitionPoints } from './partition.ts'
import * as nets from './testing/index.ts'
import { randomFeeds, relativeError, runGraph, type Tensors } from './testing/node/index.ts'
import { randomNet } from './testing/node/random-net.ts'

const ends = (graph: ModelGraph) => [graph.inputs[0]?.name ?? '', graph.outputs.at(-1)?.name ?? ''] as const

/** The last output, computed session by session with only what each gives to a later one kept between them. */
async function inSteps(graph: ModelGraph, feeds: Tensors, chosen: readonly number[]): Promise<Tensors> {
  const analysis = analyse(graph)
  const [from, to] = ends(graph)
  const { cuts } = localCuts(analysis, from, to)
  const states: (readonly TensorName[])[] = [[from], ...chosen.flatMap((i) => (cuts[i] ? [cuts[i].tensors] : [])), [to]]
  let held = feeds
  for (const [i, after] of states.slice(1).entries()) {
    const { takes, gives } = localStep(analysis, states[i] ?? [], after)
    const inputs = Object.fromEntries(takes.flatMap((name) => (held[name] ? [[name, held[name]]] : [])))
    const made = await runGraph(extract(graph, takes, gives), inputs)
    const all = { ...held, ...made }
    held = Object.fromEntries(after.flatMap((name) => (all[name] ? [[name, all[name]]] : [])))
  }
  return held
}

describe('local cuts', () => {
  it('divide random nets without a bit of difference', async () => {
    let [several, steps] = [0, 0]
    await fc.assert(
      fc.asyncProperty(randomNet, fc.nat(), fc.nat(), async ({ graph }, seed, mask) => {
        const [from, to] = ends(graph)
        const feeds = randomFeeds(graph, seed)
        const { cuts } = localCuts(analyse(graph), from, to)
        const chosen = [...cuts.keys()].filter((i) => ((mask >> (i % 24)) & 1) === 1)
        several += cuts.filter(({ tensors }) => tensors.length > 1).length
        steps += chosen.length
        const whole = await runGraph(extract(graph, from, to), feeds)
        const made = await inSteps(graph, feeds, chosen)
        expect(made[to]?.data).toEqual(whole[to]?.data)
      }),
      { numRuns: 300, seed: 2026 },
    )
    expect(several).toBeGreaterThan(100)
    expect(steps).toBeGreaterThan(300)
  }, 120_000)

  it.each([
    ['residual blocks', () => nets.optionAResNet({ opset: 13 }), 2],
    ['dense connections', () => nets.denseNet({ opset: 11 }), 2],
    ['channel shuffle', () => nets.shuffleNet({ opset: 17 }), 2],
    ['gates of folded sizes', () => nets.squeezeExciteNet({ opset: 14, dynamic: true }), 2],
  ] as const)('lie inside of %s', async (_, build, tensors) => {
    const graph = build().graph()
    const [from, to] = ends(graph)
    const { cuts } = localCuts(analyse(graph), from, to)
    expect(Math.max(...cuts.map((cut) => cut.tensors.length))).toBeGreaterThanOrEqual(tensors)
    const feeds = randomFeeds(graph)
    const whole = await runGraph(extract(graph, from, to), feeds)
    const made = await inSteps(graph, feeds, [...cuts.keys()])
    expect(relativeError(whole[to] ?? expect.unreachable(), made[to] ?? expect.unreachable())).toBe(0)
  })

  it('have ascending work, and leave what follows a convolution in its session', () => {
    const graph = nets.optionAResNet({ opset: 13 }).graph()
    const [from, to] = ends(graph)
    const analysis = analyse(graph)
    const { cuts, work } = localCuts(analysis, from, to)
    const before = cuts.map(({ workBefore }) => workBefore)
    expect(before).toEqual(before.toSorted((a, b) => a - b))
    expect(work).toBeGreaterThan(before.at(-1) ?? 0)
    expect(cuts.length).toBeLessThanOrEqual(analysis.nodes.filter(({ macs }) => macs > 0).length)
    const single = new Set(partitionPoints(analysis).map(({ tensor }) => tensor))
    for (const { tensors } of cuts) {
      if (tensors.length === 1) expect(single.has(tensors[0] ?? '')).toBe(true)
      for (const name of tensors) {
        const readers = analysis.nodes.filter(({ node }) => node.inputs.includes(name)).map(({ node }) => node.op)
        expect(readers).not.toContain('BatchNormalization')
      }
    }
  })

  it('are none in quantised nets', () => {
    const graph = nets.staticQdqNet({ opset: 13 }).graph()
    expect(localCuts(analyse(graph), ...ends(graph)).cuts).toEqual([])
  })
})
