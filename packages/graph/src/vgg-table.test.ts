import type { Range } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { volumeGeometry } from './geometry.ts'
import { vgg16 } from './testing/index.ts'

const analysis = analyse(vgg16())

/** The ends of VGG-16's 18 layers: each convolution's activation, each pooling. */
const LAYERS = analysis.nodes
  .filter(({ node, kind }) => kind !== 'constant' && (node.op === 'Relu' || node.op === 'MaxPool'))
  .map(({ node }) => node.outputs[0] ?? '')
  .slice(0, 18)
const ends = (...layers: number[]) => ['data', ...layers.map((layer) => LAYERS[layer - 1] ?? '')]
const ALONE = ends(...LAYERS.map((_, i) => i + 1))
const BLOCKS = ends(3, 6, 10, 14, 18)
const FUSED = ends(18)

/**
 * METHODS section 4: 13 convolutions on 2, 4 and 8 equal devices; redundant work in percent, int8 halo in KB of 1024. Where
 * a border falls between two rows the table is not of one mind: 14 rows on 4 devices are 4, 3, 4, 3 (halves up) in the halo of
 * single layers and 4, 3, 3, 4 (halves to even) in the line of the pooling blocks.
 */
const TABLE = [
  {
    name: 'every layer alone',
    volumes: ALONE,
    round: Math.round,
    speedup: [2.0, 3.95, 7.58],
    redundant: [0, 0, 0],
    halo: [260, 802, 1913],
  },
  {
    name: 'one per pooling block',
    volumes: BLOCKS,
    round: roundHalfEven,
    speedup: [1.9, 3.39, 5.64],
    redundant: [4, 12, 28],
    halo: [157, 470, 1082],
  },
  {
    name: 'all fused',
    volumes: FUSED,
    round: roundHalfEven,
    speedup: [1.15, 1.19, 1.35],
    redundant: [60, 170, 377],
    halo: [118, 320, 717],
  },
]

function roundHalfEven(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded
}

function strips(height: number, devices: number, round: (x: number) => number): Range[] {
  const at = (i: number) => round((i * height) / devices)
  return Array.from({ length: devices }, (_, i) => ({ start: at(i), end: at(i + 1) }))
}
const length = (range: Range) => Math.max(0, range.end - range.start)
const overlap = (a: Range, b: Range) => length({ start: Math.max(a.start, b.start), end: Math.min(a.end, b.end) })

/**
 * The last pooling has 7 rows, so that one of 8 devices has none; the table counts what METHODS' rule gives for [a,a): nothing
 * of the pooling and of the convolution before it, but rows [2a-1, 2a+1) of that convolution's input.
 */
function idle(from: string, to: string, row: number) {
  const before = LAYERS[15]
  if (to !== LAYERS[17] || before === undefined || ALONE.indexOf(from) > 15) return undefined
  return volumeGeometry(analysis, from, before).rows({ start: 2 * row - 1, end: 2 * row + 1 })
}

function measure(volumes: readonly string[], devices: number, round: (x: number) => number) {
  let [slowest, all, haloBytes, whole] = [0, 0, 0, 0]
  for (const [i, to] of volumes.entries()) {
    const from = volumes[i - 1]
    if (from === undefined) continue
    const geometry = volumeGeometry(analysis, from, to)
    const { bytes = 0 } = analysis.tensors.get(from) ?? {}
    const own = strips(geometry.inputHeight, devices, round)
    const bytesPerRow = bytes / 4 / geometry.inputHeight
    let longest = 0
    for (const [device, rows] of strips(geometry.outputHeight, devices, round).entries()) {
      const part = rows.end > rows.start ? geometry.rows(rows) : idle(from, to, rows.start)
      if (part === undefined) continue
      haloBytes += (length(part.inputRows) - overlap(part.inputRows, own[device] ?? rows)) * bytesPerRow
      all += part.macs
      longest = Math.max(longest, part.macs)
    }
    slowest += longest
    whole += geometry.rows({ start: 0, end: geometry.outputHeight }).macs
  }
  return { speedup: whole / slowest, redundant: Math.round((all / whole - 1) * 100), halo: haloBytes / 1024 }
}

describe("METHODS' table of VGG-16 from tile geometry", () => {
  it.each(TABLE)('$name', ({ volumes, round, ...row }) => {
    for (const [i, devices] of [2, 4, 8].entries()) {
      const { speedup, redundant, halo } = measure(volumes, devices, round)
      expect(speedup).toBeCloseTo(row.speedup[i] ?? 0, 2)
      expect(redundant).toBe(row.redundant[i])
      expect(Math.abs(halo - (row.halo[i] ?? 0))).toBeLessThan(1)
    }
  })
})
