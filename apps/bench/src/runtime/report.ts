import type { RuntimeBenchResult } from './bench-runtime.ts'
import type { CancelRow, DelayRow } from './exits/rows.ts'
import type { RuntimeRow, Spread } from './rows.ts'

/** docs/benchmarks/runtime.md, whole. */
export function runtimeMarkdown(result: RuntimeBenchResult): string {
  const { rows, summary, links, machine, quick, what, exits } = result
  return `# Overhead of the runtime per request

Made by \`npm run roomful -- bench runtime${quick ? ' --quick' : ''} --write\`; \`apps/bench/METHODOLOGY.md\` defines every figure.
${what}.

| plan | devices | requests | total | compute | links | **overhead** | p95 | of it: preprocess | encode + decode | queue |
|---|---|---|---|---|---|---|---|---|---|---|
${rows.map(line).join('\n')}

Medians in milliseconds, over the requests that count; p95 is of the overhead. Left out: ${rows.reduce((sum, row) => sum + row.leftOut, 0)} requests
that a second completion answered or whose trace lacks a stage.

Each device beyond the first adds ${ms(summary.overheadMsPerExtraDevice)} ms to the median overhead of a chain.

## Exits and cancelling

ONNX Runtime WASM in Workers of one thread, in one page; ${exits.device.gmacsPerSecond.toFixed(1)} GMAC/s. A request that takes no exit,
beside the same request without exits, paired in rounds of random order:

| exits | evaluated by | MACs of the trunk | without exits | ratio | 95 % interval | at most | kept | machine's part | cutting | added |
|---|---|---|---|---|---|---|---|---|---|---|
${exits.delay.map(delayLine).join('\n')}

Machine's part: bare sessions of the uncut trunk while a second Worker computes the same exits, over the same alone; cutting: bare sessions of
the trunk cut where the exits hang over the uncut; added: ratio less the machine's part.

A request that is cancelled at a random moment: when its Worker is free for other work, and how long its segments are.

| network | whole | segments | longest segment | free after: median | p95 | longest | at most 20 ms apart |
|---|---|---|---|---|---|---|---|
${exits.cancel.map(cancelLine).join('\n')}
${exits.skipped.map((why) => `\nNot measured: ${why}.`).join('')}
## Links

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

function delayLine(row: DelayRow): string {
  const { exits, processors, macShare, aloneMs, ratio, ratioInterval, bound, ok } = row
  const [low, high] = ratioInterval
  const cells = [
    exits.length > 1 ? `all ${exits.length}` : exits.join(),
    processors === 'own' ? 'a second Worker' : "the trunk's Worker",
    `${(100 * macShare).toFixed(1)} %`,
    `${ms(aloneMs)} ms`,
    `**${ratio.toFixed(3)}**`,
    `${low.toFixed(3)} - ${high.toFixed(3)}`,
    bound.toFixed(3),
    ok ? 'yes' : 'no',
    ...[row.machineRatio, row.cutRatio, row.added].map((value) => value?.toFixed(3) ?? ''),
  ]
  return `| ${cells.join(' | ')} |`
}

function cancelLine({ model, wholeMs, segments, longestSegmentMs, freeAfterMs, ok }: CancelRow): string {
  const { median, p95, max } = freeAfterMs
  const cells = [model, ...[wholeMs].map(ms), segments, ...[longestSegmentMs, median, p95, max].map(ms)]
  return `| ${[...cells, ok ? 'yes' : 'no'].join(' | ')} |`
}

function link({ from, to, rttMs, bytesPerMs }: RuntimeBenchResult['links'][number]): string {
  return `${from} - ${to} ${rttMs.toFixed(2)} ms, ${(bytesPerMs / 1000).toFixed(1)} MB/s`
}

const ms = (value: number): string => value.toFixed(1)
