import type { RoomRow } from './rows.ts'

const WIDTH = 760
const LEFT = 150
const RIGHT = 70
const ROW = 28
const TOP = 46
/** Okabe-Ito: blue for Roomful's own methods, grey for the others; the limit is a line, not a colour. */
const OWN = '#0072B2'
const OTHER = '#9a9a9a'
/** Bars beyond this many times the local one are cut off: their figure stands beside them. */
const CUT = 2

/** Mean time of every method as bars with their 95 % intervals, and the limit of each plan as a line across its bar. */
export function roomPlot(title: string, rows: readonly RoomRow[]): string {
  const local = (rows.find(({ method }) => method === 'ort') ?? rows.find(({ method }) => method === 'local'))?.meanMs
  const longest = Math.max(1, ...rows.map(({ meanMs, ciMs }) => Math.max(meanMs, ciMs?.[1] ?? 0)))
  const most = local === undefined ? longest : Math.min(longest, CUT * local)
  const x = (ms: number) => LEFT + (Math.min(Math.max(ms, 0), most) / most) * (WIDTH - LEFT - RIGHT)
  const height = TOP + rows.length * ROW + 20
  const parts = ticks(most).flatMap((ms) => [
    `<line x1="${at(x(ms))}" x2="${at(x(ms))}" y1="${TOP - 8}" y2="${height - 16}" class="grid"/>`,
    `<text x="${at(x(ms))}" y="${TOP - 14}" text-anchor="middle">${ms} ms</text>`,
  ])
  for (const [index, row] of rows.entries()) parts.push(...bar(row, TOP + index * ROW, x))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}: mean time of each method">`,
    '<style>text{font:12px system-ui,sans-serif;fill:#777}.grid{stroke:#8884;stroke-width:1}.whisker{stroke:#555;stroke-width:1.5}.limit{stroke:#D55E00;stroke-width:2}</style>',
    `<text x="${LEFT}" y="14">${escaped(title)}: mean ms with 95 % interval; the orange line is the plan's own limit</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

function bar(
  { method, meanMs, ciMs, limitMs, p95Ms, sameAs }: RoomRow,
  y: number,
  x: (ms: number) => number,
): string[] {
  const colour = method.startsWith('auto') ? OWN : OTHER
  const middle = y + ROW / 2 - 4
  const title = `${method}: mean ${meanMs.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms${sameAs === undefined ? '' : `, the plan of ${sameAs}`}`
  return [
    `<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${escaped(method)}</text>`,
    `<rect x="${LEFT}" y="${y}" width="${at(x(meanMs) - LEFT)}" height="${ROW - 9}" fill="${colour}"><title>${escaped(title)}</title></rect>`,
    ...(ciMs === null
      ? []
      : [`<line x1="${at(x(ciMs[0]))}" x2="${at(x(ciMs[1]))}" y1="${middle}" y2="${middle}" class="whisker"/>`]),
    ...(limitMs === null
      ? []
      : [`<line x1="${at(x(limitMs))}" x2="${at(x(limitMs))}" y1="${y - 2}" y2="${y + ROW - 7}" class="limit"/>`]),
    `<text x="${at(Math.max(x(meanMs), x(ciMs?.[1] ?? 0)) + 6)}" y="${middle + 4}">${meanMs.toFixed(0)}</text>`,
  ]
}

/** About five round values from 0. */
function ticks(most: number): number[] {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step)
}

const at = (value: number): string => value.toFixed(1)

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
