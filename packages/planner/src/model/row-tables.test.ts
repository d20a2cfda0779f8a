import { analyse } from '@roomful/graph'
import { NetBuilder } from '@roomful/graph/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emptyWork, WORK_FEATURES, WORK_LENGTH, workMacs, workStart } from '../predictor/work.ts'
import { plannableModel } from './from-analysis.ts'
import { addRowsWork } from './row-tables.ts'

/** Convolutions of all kinds one after the other: [kind, stride]. */
const layer = fc.tuple(fc.constantFrom('conv', 'pointwise', 'depthwise', 'pool'), fc.constantFrom(1, 2))

function modelOf(layers: readonly (readonly [string, number])[]) {
  const net = new NetBuilder()
  let x = net.input('x', [1, 4, 33, 20])
  for (const [kind, stride] of layers) {
    if (kind === 'pool') x = net.maxPool(x, 2)
    else {
      const [kernel, group] = kind === 'conv' ? [3, 1] : kind === 'pointwise' ? [1, 1] : [3, 4]
      x = net.relu(net.conv(x, { out: 4, kernel, stride, group }))
    }
  }
  return plannableModel(analyse(net.output(x).graph()), { allPoints: true })
}

/** Features that every shard pays in full. */
const FIXED = new Set([workStart('depthwise') + WORK_FEATURES.depthwise.indexOf('groups'), workStart('node')])

describe('the work of rows', () => {
  it('is the whole segment for all rows, never negative, and at least the whole when shards are added up', () => {
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 4 }), fc.nat(), (layers, seed) => {
        for (const segment of modelOf(layers).segments) {
          const tables = segment.tables()
          if (tables === undefined) continue
          const { outputRows } = tables
          const all = emptyWork()
          addRowsWork(all, tables, 0, outputRows)
          for (let i = 0; i < WORK_LENGTH; i++) expect(all[i]).toBeCloseTo(segment.work[i] as number, 6)
          const border = seed % (outputRows + 1)
          if (border === 0 || border === outputRows) continue
          const [upper, lower] = [emptyWork(), emptyWork()]
          addRowsWork(upper, tables, 0, border)
          addRowsWork(lower, tables, border, outputRows)
          expect(workMacs(upper) + workMacs(lower)).toBeGreaterThanOrEqual(workMacs(segment.work) * (1 - 1e-9))
          for (let i = 0; i < WORK_LENGTH; i++) {
            const [a, b, whole] = [upper[i] as number, lower[i] as number, segment.work[i] as number]
            expect(Math.min(a, b)).toBeGreaterThanOrEqual(0)
            if (FIXED.has(i)) expect([a, b]).toEqual([whole, whole])
            else expect(a + b).toBeGreaterThanOrEqual(whole * (1 - 1e-9))
          }
        }
      }),
      { seed: 6, numRuns: 60 },
    )
  })
})
