import { chainModel } from '@roomful/planner'
import { describe, expect, it } from 'vitest'
import { COMPARED, type ComparisonRow, comparisonTasks, type Rates } from './compare.ts'
import { comparisonPlot } from './plot.ts'
import { reportMarkdown } from './report.ts'

const rates = (some: Partial<Rates>): Rates =>
  ({ ...Object.fromEntries(COMPARED.map((method) => [method, 1])), ...some }) as Rates

function row(link: string, imagesPerSecond: Rates): ComparisonRow {
  const predicted = link === 'changing' ? {} : { predictedPerSecond: imagesPerSecond }
  return { net: 'VGG-16', wires: 'roomful', group: 'four mixed', link, imagesPerSecond, ...predicted }
}

const ROWS = [
  row('50', rates({ distredge: 2, auto: 2.2, 'auto alone': 1.9 })),
  row('100', rates({ distredge: 2, auto: 2.2, 'auto alone': 2.1 })),
  row('changing', rates({ distredge: 2, auto: 1.8, 'auto alone': 1.7 })),
]

describe('the report of the comparison', () => {
  const text = reportMarkdown({ episodes: 200, comparison: ROWS, absent: [], equalNodes: [] })

  it('says beside the table that auto knows the plan of distredge, and shows it without', () => {
    const [paragraph = ''] = text.split('\n').filter((line) => line.startsWith('Images per second'))
    expect(paragraph).toContain('`auto` starts from the plan that `distredge` has learned in the same row')
    expect(paragraph).toContain('holds by construction')
    const [head = ''] = text.split('\n').filter((line) => line.startsWith('| net |'))
    expect(head).toContain('| auto | auto alone |')
    expect(head).toContain('| auto / distredge | auto alone / distredge |')
    expect(text).toContain('| 2.00 | 2.20 | 1.90 | 2.00 | 1.10 | 0.95 |')
  })

  it('counts the rows in which each is at least level with distredge', () => {
    expect(text).toContain('`auto` is at least as fast as `distredge`, to 0.1 %, in 2 of 3 rows (least 0.900 x)')
    expect(text).toContain('`auto alone` is at least as fast as `distredge`, to 0.1 %, in 1 of 3 rows (least 0.850 x)')
    expect(comparisonPlot(ROWS)).toContain('auto alone: 1.90 images/s')
  })
})

describe('a row of the comparison', { timeout: 60_000 }, () => {
  it('has auto with and without what distredge has learned', async () => {
    const model = chainModel({
      input: [3, 64, 64],
      layers: [
        { kind: 'conv', channels: 64, kernel: 3 },
        { kind: 'conv', channels: 64, kernel: 3 },
        { kind: 'pool', kernel: 8 },
        { kind: 'dense', units: 10 },
      ],
    })
    const [task] = comparisonTasks([{ name: 'VGG-16', model }], true, 1)
    const { imagesPerSecond, predictedPerSecond: predicted } = (await task?.run()) ?? { imagesPerSecond: rates({}) }
    expect(imagesPerSecond['auto alone']).toBeGreaterThan(0)
    expect(predicted?.auto).toBeGreaterThanOrEqual(predicted?.distredge ?? Number.POSITIVE_INFINITY)
    expect(predicted?.['auto alone']).toBeLessThanOrEqual((predicted?.auto ?? 0) * 1.000001)
  })
})
