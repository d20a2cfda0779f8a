import { describe, expect, it } from 'vitest'
import * as nets from './testing/index.ts'
import { checkExactness } from './testing/node/index.ts'

const LIMIT = 1e-5

const NETS: readonly [string, () => nets.NetBuilder][] = [
  ['option-A shortcuts (strided Slice, Pad of channels), opset 13', () => nets.optionAResNet({ opset: 13 })],
  ['option-A shortcuts in opset 10 (pads as attribute)', () => nets.optionAResNet({ opset: 10 })],
  ['option-A shortcuts in opset 18', () => nets.optionAResNet({ opset: 18 })],
  ['dense connections', () => nets.denseNet({ opset: 11 })],
  ['channel shuffle, split as attribute', () => nets.shuffleNet({ opset: 11 })],
  ['channel shuffle, split as input', () => nets.shuffleNet({ opset: 17 })],
  ['squeeze-and-excitation', () => nets.squeezeExciteNet({ opset: 14 })],
  ['squeeze-and-excitation with dynamic sizes', () => nets.squeezeExciteNet({ opset: 14, dynamic: true })],
  ['outputs at two scales', () => nets.pyramid({ opset: 13 })],
  ['static QDQ', () => nets.staticQdqNet({ opset: 13 })],
]

describe('cuts and tiles against the whole model', () => {
  it.each(NETS)('agrees on a net with %s', async (_, build) => {
    const result = await checkExactness(build().graph())
    expect(result.cuts).toBeGreaterThan(2)
    expect(result.tiles).toBeGreaterThan(5)
    expect(result.worst, result.where).toBeLessThan(LIMIT)
  })

  it('names the squeeze as what forbids tiling', async () => {
    const { obstacles } = await checkExactness(nets.squeezeExciteNet({ opset: 14 }).graph(), { every: 2 })
    expect([...obstacles].join()).toMatch(/GlobalAveragePool/)
  })
})
