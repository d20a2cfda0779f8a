import type { PredictorBenchResult } from './bench-predictor.ts'
import type { ErrorSummary } from './summary.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const figures = ({ segments, within15, within10, medianError }: ErrorSummary): string =>
  `${segments} | ${percent(within15)} | ${percent(within10)} | ${percent(medianError)}`

/** The tables of docs/benchmarks/predictor.md. */
export function predictorMarkdown(result: PredictorBenchResult): string {
  const { summary, models, segments, skipped } = result
  const worst = [...segments].sort((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, 10)
  return `# Predictor against measured segments

Made by \`npm run roomful -- bench predictor --write\`; definitions in apps/bench/METHODOLOGY.md. Chromium, ONNX Runtime
WASM, 1 thread; micro-benchmark and fit ${summary.fitMs.toFixed(0)} ms (${summary.samples} nets, median error on themselves ${percent(summary.fitMedianError)});
${summary.rounds} rounds.

| | segments | within 15 % | within 10 % | median error |
|---|---|---|---|---|
| segments of at least ${summary.floorMs} ms (shorter ones merged) | ${figures(summary)} |
| all segments between neighbouring partition points | ${figures(summary.unmerged)} |

| network | segments | within 15 % | within 10 % | median error | sum predicted | sum measured |
|---|---|---|---|---|---|---|
${models.map((m) => `| ${m.model} | ${figures(m)} | ${m.predictedMs.toFixed(2)} ms | ${m.measuredMs.toFixed(2)} ms |`).join('\n')}

The ten segments that were predicted worst:

| network | from | to | predicted | measured | error |
|---|---|---|---|---|---|
${worst.map((s) => `| ${s.model} | \`${s.from}\` | \`${s.to}\` | ${s.predictedMs.toFixed(3)} ms | ${s.measuredMs.toFixed(3)} ms | ${percent(s.error)} |`).join('\n')}

Fitted on: ${result.fittedOn}. Layers in common: ${result.commonLayers.length === 0 ? 'none' : result.commonLayers.join('; ')}.
${skipped.length === 0 ? '' : `\nSkipped: ${skipped.join('; ')}.\n`}`
}
