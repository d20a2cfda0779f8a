import type { Compared, ComparisonRow } from './compare.ts'

const WIDTH = 900
const ROW = 26
const LEFT = 240
const RIGHT = 60
/** Okabe-Ito colours, told apart by shape too. */
const MARKS: Readonly<Partial<Record<Compared, readonly [colour: string, shape: 'circle' | 'square' | 'diamond']>>> = {
  auto: ['#0072B2', 'diamond'],
  'auto alone': ['#56B4E9', 'diamond'],
  distredge: ['#D55E00', 'square'],
}
const OTHER = '#9a9a9a'

/** Images per second of every method relative to `distredge`, one line per net and room; logarithmic. */
export function comparisonPlot(rows: readonly ComparisonRow[]): string {
  const height = 70 + rows.length * ROW
  const ratios = rows.flatMap((row) =>
    Object.values(row.imagesPerSecond).map((ips) => ips / row.imagesPerSecond.distredge),
  )
  const low = Math.min(0.25, ...ratios.filter((ratio) => ratio > 0))
  const high = Math.max(1.5, ...ratios)
  const x = (ratio: number) => LEFT + (Math.log(ratio / low) / Math.log(high / low)) * (WIDTH - LEFT - RIGHT)
  const parts: string[] = []
  for (const tick of [0.05, 0.1, 0.25, 0.5, 1, 2, 4].filter((value) => value >= low && value <= high)) {
    parts.push(`<line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="40" y2="${height - 20}" class="grid"/>`)
    parts.push(`<text x="${x(tick).toFixed(1)}" y="34" text-anchor="middle">${tick}x</text>`)
  }
  for (const [at, row] of rows.entries()) {
    const y = 56 + at * ROW
    parts.push(`<text x="${LEFT - 10}" y="${y + 4}" text-anchor="end">${label(row)}</text>`)
    for (const [method, ips] of Object.entries(row.imagesPerSecond) as [Compared, number][]) {
      if (ips <= 0) continue
      parts.push(mark(method, x(ips / row.imagesPerSecond.distredge), y, `${method}: ${ips.toFixed(2)} images/s`))
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Simulated images per second relative to distredge">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#555}.grid{stroke:#ccc;stroke-width:1}</style>',
    `<text x="${LEFT}" y="16">Simulated images/s relative to distredge: orange square distredge, dark blue diamond auto, light blue auto alone, grey the others</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

const SHORT = { 'four mixed': '4', 'four boards': 'boards', 'two slow two fast': '2+2', 'sixteen mixed': '16' } as const

const label = ({ net, wires, group, link }: ComparisonRow): string =>
  `${net}${wires === 'published' ? ', fp32' : ''}, ${SHORT[group]}, ${link}${link === 'changing' ? '' : ' Mbit/s'}`

function mark(method: Compared, x: number, y: number, title: string): string {
  const [colour, shape] = MARKS[method] ?? [OTHER, 'circle']
  const body = `<title>${title}</title>`
  const at = x.toFixed(1)
  if (shape === 'square')
    return `<rect x="${(x - 5).toFixed(1)}" y="${y - 5}" width="10" height="10" fill="${colour}">${body}</rect>`
  if (shape === 'diamond') {
    return `<path d="M${at} ${y - 7}l7 7l-7 7l-7 -7z" fill="${colour}" fill-opacity="0.85">${body}</path>`
  }
  return `<circle cx="${at}" cy="${y}" r="4" fill="${colour}" fill-opacity="0.7">${body}</circle>`
}
