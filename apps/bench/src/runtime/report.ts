import type { RuntimeBenchResult } from './bench-runtime.ts'
import type { RuntimeRow, Spread } from './rows.ts'

/** docs/benchmarks/runtime.md, whole. */
export function runtimeMarkdown(result: RuntimeBenchResult): string {
  const { rows, summary, links, machine, quick, what } = result
  return `# Overhead of the runtime per request

Made by \`npm run roomful -- bench runtime${quick ? ' --quick' : ''} --write\`; \`apps/bench/METHODOLOGY.md\` defines every figure.
${what}.

| plan | devices | requests | total | compute | links | **overhead** | p95 | of it: preprocess | encode + decode | queue |
|---|---|---|---|---|---|---|---|---|---|---|
${rows.map(line).join('\n')}

Medians in milliseconds, over the requests that count; p95 is of the overhead. Left out: ${rows.reduce((sum, row) => sum + row.leftOut, 0)} requests
that a second completion answered or whose trace lacks a stage.

Each device beyond the first adds ${ms(summary.overheadMsPerExtraDevice)} ms to the median overhead of a chain.

Raw links of this run (median of the blocks): ${links.map(link).join('; ')}.

${machine.date}, commit ${machine.commit}, ${machine.processor}, ${machine.cores} cores, ${machine.browser}, load ${machine.load.toFixed(1)}.
`
}

function line({ shape, devices, requests, totalMs, computeMs, linkMs, overheadMs, ofThat }: RuntimeRow): string {
  const middle = ({ median }: Spread) => ms(median)
  const cells = [
    shape,
    devices,
    requests,
    middle(totalMs),
    middle(computeMs),
    middle(linkMs),
    `**${middle(overheadMs)}**`,
    ms(overheadMs.p95),
    ms(ofThat.preprocessMs),
    ms(ofThat.codecMs),
    ms(ofThat.queueMs),
  ]
  return `| ${cells.join(' | ')} |`
}

function link({ from, to, rttMs, bytesPerMs }: RuntimeBenchResult['links'][number]): string {
  return `${from} - ${to} ${rttMs.toFixed(2)} ms, ${(bytesPerMs / 1000).toFixed(1)} MB/s`
}

const ms = (value: number): string => value.toFixed(1)
