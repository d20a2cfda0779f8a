import type { PlannerBench } from './bench-planner.ts'
import { BASELINES, COMPARED, type ComparisonRow } from './compare.ts'
import { describeClasses } from './rooms.ts'

const BEGIN = '<!-- generated: npm run roomful -- bench planner --write -->'
const END = '<!-- end of generated -->'

/** The text with its generated part replaced; the markers must be there. */
export function replaceGenerated(text: string, generated: string): string {
  const from = text.indexOf(BEGIN)
  const to = text.indexOf(END)
  if (from < 0 || to < from) throw new Error(`the document lacks the markers ${BEGIN} and ${END}`)
  return `${text.slice(0, from + BEGIN.length)}\n\n${generated.trim()}\n\n${text.slice(to)}`
}

export function reportMarkdown(bench: PlannerBench): string {
  const { comparison, smallCases, planning, hardSamples, compressAndCut, absent } = bench
  const parts = [
    "### DistrEdge's comparison, predicted",
    '',
    `Images per second of one image after the other (1 / latency), predicted by the evaluator, not simulated and not measured. Device classes: ${describeClasses()}; 2 ms of round trip; 8-bit feature maps; no exits. Every method uses the same wire and may send the picture as JPEG. \`changing\`: 300, 50, 200, 100 Mbit/s for equal times, planned anew at each. \`distredge\`: ${bench.episodes} episodes.${absent.length > 0 ? ` Not present here: ${absent.join(', ')}.` : ''}`,
    '',
    comparisonTable(comparison),
    '',
    '![Predicted images per second relative to distredge](planner-comparison.svg)',
    '',
    summary(comparison),
  ]
  if (smallCases !== undefined) {
    const { compared, over, worst } = smallCases
    parts.push(
      '',
      '### Against every plan',
      '',
      `${compared} random small cases (at most 4 devices, 10 cuts): \`auto\` over 1.01 x the best of all plans in ${over}, worst ${worst.toFixed(4)} x.`,
    )
  }
  if (planning !== undefined) {
    parts.push(
      '',
      '### Planning time',
      '',
      '`auto`, warm. Where other work shares the machine the processor time is the figure.',
      '',
      '| room | median ms | processor ms | budget |',
      '|---|---|---|---|',
    )
    for (const { what, medianMs, medianCpuMs, budgetMs } of planning) {
      parts.push(`| ${what} | ${medianMs.toFixed(0)} | ${medianCpuMs.toFixed(0)} | ${budgetMs} |`)
    }
  }
  if (hardSamples !== undefined) {
    const { cpuMs, gpuMs, ciahpMs } = hardSamples
    parts.push(
      '',
      '### Exits beside the trunk (`ciahp`), hard samples',
      '',
      `The shipped imagenette net on a phone with two processors (WebGPU 6 GMAC/s and 3 ms a run, WASM 2 GMAC/s and 0.3 ms), a sample that leaves at no exit, predicted: CPU alone ${cpuMs.toFixed(0)} ms, GPU alone ${gpuMs.toFixed(0)} ms, both ${ciahpMs.toFixed(0)} ms: ${(cpuMs / ciahpMs).toFixed(2)} x over the CPU, ${(gpuMs / ciahpMs).toFixed(2)} x over the GPU (reported: 2.31 and 1.23).`,
    )
  }
  if (compressAndCut !== undefined) {
    parts.push(
      '',
      '### Compress and cut',
      '',
      'The shipped imagenette net, phone 0.5 GMAC/s, laptop 12 GMAC/s, 10 ms of round trip, at most 2 points of loss; predicted ms. Raw: 8-bit RGB pixels.',
      '',
      '| Mbit/s | device only | raw remote | JPEG remote | partition only (fp32) | compress + cut | auto |',
      '|---|---|---|---|---|---|---|',
    )
    for (const row of compressAndCut) {
      const cells = [
        row.mbitPerSecond,
        row.deviceOnlyMs,
        row.rawRemoteMs,
        row.jpegRemoteMs,
        row.partitionOnlyMs,
        row.compressAndCutMs,
        row.autoMs,
      ]
      parts.push(`| ${cells.map((value) => value.toFixed(0)).join(' | ')} |`)
    }
  }
  return parts.join('\n')
}

function comparisonTable(rows: readonly ComparisonRow[]): string {
  const head = ['net', 'devices', 'Mbit/s', ...COMPARED, 'distredge / best baseline', 'auto / distredge']
  const lines = rows.map(({ net, group, link, imagesPerSecond }) => {
    const cells = COMPARED.map((method) => (imagesPerSecond[method] > 0 ? imagesPerSecond[method].toFixed(2) : '-'))
    const best = Math.max(...BASELINES.map((method) => imagesPerSecond[method]))
    const { distredge, auto } = imagesPerSecond
    return [net, group, link, ...cells, (distredge / best).toFixed(2), (auto / distredge).toFixed(2)]
  })
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function summary(rows: readonly ComparisonRow[]): string {
  if (rows.length === 0) return ''
  const over = BASELINES.map((method) => {
    const ratios = rows
      .filter((row) => row.imagesPerSecond[method] > 0)
      .map((row) => row.imagesPerSecond.distredge / row.imagesPerSecond[method])
    return `${method} ${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`
  })
  const below = rows.filter((row) => row.imagesPerSecond.auto < row.imagesPerSecond.distredge * 0.999).length
  return `\`distredge\` over its baselines (x, smallest to largest): ${over.join(', ')}. \`auto\` is below \`distredge\` in ${below} of ${rows.length} rows.`
}
