import { existsSync, readFileSync } from 'node:fs'
import { seededRandom } from '@roomful/core'
import { analyse, readModel, tileGeometry } from '@roomful/graph'
import { parseManifest } from '@roomful/model'
import { describe, expect, it } from 'vitest'
import { plannableModel } from './from-analysis.ts'
import { isTileable, modelMacs, neededRows, pointAt, segmentAt } from './plannable.ts'
import { rowsMacs } from './row-tables.ts'

const FOLDER = new URL('../../../../../shared/models/light/', import.meta.url)
const FILES = ['light_resnet50.onnx', 'light_inception_v1.onnx', 'light_squeezenet.onnx', 'light_vgg19.onnx']

const present = FILES.filter((name) => existsSync(new URL(name, FOLDER)))
if (present.length === 0)
  console.log('public graphs as the planner sees them: not tested, ../shared/models/light is absent')

describe.runIf(present.length > 0)('a graph as the planner sees it', () => {
  it.each(present)(
    '%s: prefix tables give the rows and multiply-accumulates of the graph, also over many segments',
    (name) => {
      const analysis = analyse(readModel(readFileSync(new URL(name, FOLDER))))
      const model = plannableModel(analysis)
      expect(modelMacs(model)).toBe(analysis.totals.macs)
      const random = seededRandom(4)
      let checked = 0
      for (let i = 0; i < 200 && checked < 40; i++) {
        const from = random.int(model.points.length - 1)
        const to = from + 1 + random.int(Math.min(5, model.points.length - 1 - from))
        if (!isTileable(model, from, to)) continue
        const { rows, tensor } = pointAt(model, to)
        const start = random.int(rows)
        const end = start + 1 + random.int(rows - start)
        const tile = tileGeometry(analysis, pointAt(model, from).tensor, tensor, { start, end })
        expect(neededRows(model, from, to, { start, end })).toEqual(tile.inputRows)
        let macs = 0
        let [low, high] = [start, end]
        for (let at = to - 1; at >= from; at--) {
          const tables = segmentAt(model, at).tables()
          if (tables === undefined) throw new Error('tileable')
          macs += rowsMacs(tables, low, high)
          low = tables.needStart[low] as number
          high = tables.needEnd[high] as number
        }
        expect(macs).toBeCloseTo(tile.macs, 0)
        checked++
      }
      expect(checked).toBeGreaterThan(5)
    },
  )
})

describe('a shipped package as the planner sees it', () => {
  it('counts what an exit loses alone against the trunk, not against the best exit', async () => {
    const folder = new URL('../../../../public/models/imagenette/', import.meta.url)
    const manifest = await parseManifest(readFileSync(new URL('model.json', folder)))
    const model = plannableModel(analyse(readModel(readFileSync(new URL(manifest.files.graph.path, folder)))), {
      manifest,
    })
    expect(model.exits.at(-1)?.aloneLoss).toBeCloseTo(
      (manifest.final.top1 ?? 0) - (manifest.exits.at(-1)?.top1 ?? 0),
      9,
    )
    expect(model.exits.at(-1)?.aloneLoss).toBeGreaterThan(0.005)
  })
})
