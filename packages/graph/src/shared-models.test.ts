import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { readModel } from './format/read-model.ts'
import { partitionPoints } from './partition.ts'
import { materialise } from './testing/index.ts'
import { checkExactness } from './testing/node/index.ts'

/** Not part of the repository: public models beside it. */
const FOLDER = join(import.meta.dirname, '../../../../shared/models')
const here = existsSync(FOLDER)
if (!here) console.info(`skipped: no models at ${FOLDER}`)

const read = (file: string) => readModel(readFileSync(join(FOLDER, file)))

/** Multiply-accumulates and parameters: MACs of the convolutions and dense layers summed by hand from the shapes. */
const COSTS: readonly [file: string, macs: number, parameters: number, points: number][] = [
  ['mobilenetv2_fp32_deq.onnx', 300_774_272, 3_487_816, 50],
  ['mnist.onnx', 786_560, 5_994, 10],
  ['onnc_resnet20.onnx', 40_813_184, 274_042, 23],
  ['light/light_vgg19.onnx', 19_632_062_464, 143_667_240, 45],
  ['light/light_resnet50.onnx', 4_089_184_256, 25_610_152, 39],
]

describe.skipIf(!here)('public models', () => {
  it.each(COSTS)('%s costs what it should', (file, macs, parameters, points) => {
    const analysis = analyse(read(file))
    expect(analysis.totals).toMatchObject({ macs, parameters })
    expect(analysis.unsupported).toEqual([])
    expect(partitionPoints(analysis)).toHaveLength(points)
  })

  it.each(here ? readdirSync(join(FOLDER, 'light')) : [])('%s is inspected without its weights', (file) => {
    const analysis = analyse(read(`light/${file}`))
    expect(analysis.unsupported).toEqual([])
    expect(analysis.totals.macs).toBeGreaterThan(1e8)
    expect(partitionPoints(analysis).length).toBeGreaterThan(20)
  })

  it.each([
    ['mnist.onnx', 1],
    ['onnc_resnet20.onnx', 2],
    ['minifasnet_v2.onnx', 5],
    ['fastestdet.onnx', 4],
    ['mobilenetv2_fp32_deq.onnx', 9],
    ['mobilenetv2_int8_dyn.onnx', 12],
  ])('%s is exact at every %ith cut and its tiles', async (file, every) => {
    const result = await checkExactness(read(file), { every })
    expect(result.cuts).toBeGreaterThan(4)
    expect(result.worst, result.where).toBeLessThan(1e-4)
  })

  it('light_squeezenet with seeded weights is exact', async () => {
    const result = await checkExactness(materialise(read('light/light_squeezenet.onnx')), { every: 6 })
    expect(result.tiles).toBeGreaterThan(10)
    expect(result.worst, result.where).toBeLessThan(1e-4)
  })
})
