import { HARD_SAMPLE_SLACK } from '@roomful/planner'
import type { PlannerBench } from './bench-planner.ts'
import { BASELINES, CHANGING, COMPARED, type ComparisonRow, type Rates } from './compare.ts'
import { type EqualNodes, REPORTED } from './edgeld.ts'
import type { HardSamples } from './hard-samples.ts'
import { COUNTED, REQUESTS } from './play.ts'
import { describeClasses } from './rooms.ts'
import { CAMERA, type CompressAndCut, PAIRS } from './shipped.ts'

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
    "### DistrEdge's comparison, simulated",
    '',
    `Images per second of one image after the other. Each method plans with the evaluator; its plan is then played by the simulator, which runs the runtime's own code on a virtual clock: 1 / the median latency of the last ${COUNTED} of ${REQUESTS} requests (the first ones wait for the runtime's preparations). What takes time is simulated, not measured: computing by the evaluator's cost model, links with rate, round trip and start window shared per device, packing. Device classes: ${describeClasses()}; 2 ms of round trip; no exits. Wires \`roomful\`: feature maps in 8 bits, the picture as JPEG where that is better. Wires \`published\`: float32 maps and the raw input tensor, as in the publications. \`changing\`: ${CHANGING.join(', ')} Mbit/s for equal times with the runtime going on; each method plans anew when the change is noticed, and what that costs is in the figure. \`distredge\`: ${bench.episodes} episodes. \`auto\` starts from the plan that \`distredge\` has learned in the same row (under changing bandwidth it trains the agent itself), as in a room in which practice has run: that it is predicted to be at least as good holds by construction and shows nothing. \`auto alone\` knows no such plan and trains nothing: that column is the comparison of the two methods.${absent.length > 0 ? ` Not present here: ${absent.join(', ')}.` : ''}`,
    '',
    comparisonTable(comparison),
    '',
    '![Simulated images per second relative to distredge](planner-comparison.svg)',
    '',
    summary(comparison),
  ]
  if (smallCases !== undefined) {
    const { compared, over, worst, families } = smallCases
    parts.push(
      '',
      '### Against every plan',
      '',
      `${compared} random small cases (at most 4 devices, 10 cuts): \`auto\` over 1.01 x the best of all plans in ${over}, worst ${worst.toFixed(4)} x. ${families.map((one) => `${one.family}: ${one.over} of ${one.compared}, worst ${one.worst.toFixed(4)} x`).join('; ')}.`,
    )
  }
  if (planning !== undefined) {
    parts.push(
      '',
      '### Planning time',
      '',
      "`auto`. First: a fresh process's first plan, whose code is interpreted still; hot: once a room has planned some times. Where other work shares the machine the processor time is the figure for the latter.",
      '',
      '| room | first, ms | hot, ms | hot, processor ms | budget |',
      '|---|---|---|---|---|',
    )
    for (const { what, firstMs, medianMs, medianCpuMs, budgetMs } of planning) {
      parts.push(
        `| ${what} | ${firstMs.toFixed(0)} | ${medianMs.toFixed(0)} | ${medianCpuMs.toFixed(0)} | ${budgetMs} |`,
      )
    }
  }
  if (hardSamples !== undefined) parts.push('', ...hardSamplesTable(hardSamples))
  parts.push('', ...equalNodesTable(bench.equalNodes))
  if (compressAndCut !== undefined) parts.push('', ...compressionTable(compressAndCut))
  return parts.join('\n')
}

function hardSamplesTable(rows: readonly HardSamples[]): string[] {
  const ms = (value: number) => value.toFixed(1)
  const times = (value: number) => value.toFixed(2)
  return [
    '### Exits beside the trunk (`ciahp`), hard samples',
    '',
    `A sample that leaves at no exit, on a phone with a GPU (WebGPU) and a CPU (WASM), simulated ms; the profiles are stated, not measured. CPU only, GPU only: the multi-exit network as it is, every exit computed, on that one processor (reported: 2.31 x and 1.23 x). An exit needs a cut in the trunk, and that a run of the GPU; \`ciahp\` leaves exits out that would delay the sample by more than ${(HARD_SAMPLE_SLACK * 100).toFixed(0)} % against the trunk without exits, and part of what it gains over GPU only comes from that. What the CPU beside the GPU brings by itself is the last column: the exits that it places, and no others, on the GPU.`,
    '',
    '| net | GPU GMAC/s, ms a run | CPU GMAC/s, ms a run | trunk without exits, GPU | CPU only | GPU only | ciahp | exits placed, on the CPU | delay | over CPU only | over GPU only | over the same exits on the GPU |',
    `|${'---|'.repeat(12)}`,
    ...rows.map(({ model, profile, trunkMs, cpuMs, gpuMs, ciahp, exits }) => {
      const { gpuGmacs, gpuRunMs, cpuGmacs, cpuRunMs } = profile
      const room = [`${gpuGmacs}, ${gpuRunMs}`, `${cpuGmacs}, ${cpuRunMs}`]
      const start = [model, ...room, ms(trunkMs), ms(cpuMs), ms(gpuMs)]
      const end =
        ciahp === undefined
          ? ['no exit', `0 of ${exits}`, '', '', '', '']
          : [
              ms(ciahp.ms),
              `${ciahp.exits} of ${exits}, ${ciahp.onCpu}`,
              `${((ciahp.ms / trunkMs - 1) * 100).toFixed(1)} %`,
              ...[cpuMs, gpuMs, ciahp.sameExitsMs].map((other) => times(other / ciahp.ms)),
            ]
      return `| ${[...start, ...end].join(' | ')} |`
    }),
    '',
    hardSamplesSummary(rows),
  ]
}

function hardSamplesSummary(rows: readonly HardSamples[]): string {
  const placed = rows.flatMap(({ ciahp, cpuMs, gpuMs }) => {
    return ciahp === undefined
      ? []
      : [{ cpu: cpuMs / ciahp.ms, gpu: gpuMs / ciahp.ms, same: ciahp.sameExitsMs / ciahp.ms }]
  })
  const range = (values: readonly number[]) =>
    `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)} x`
  const both = placed.filter(({ cpu, gpu }) => cpu >= 2.31 && gpu >= 1.23).length
  return `Exits are placed in ${placed.length} of ${rows.length} rows: ${range(placed.map(({ cpu }) => cpu))} over CPU only, ${range(placed.map(({ gpu }) => gpu))} over GPU only, ${range(placed.map(({ same }) => same))} over the same exits on the GPU; both reported figures are reached in ${both}.`
}

function equalNodesTable(rows: readonly EqualNodes[]): string[] {
  const cells = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(' | ')
  return [
    '### Equal nodes (EdgeLD)',
    '',
    "Speed-up over one node, VGG-16's convolutions in float32, nodes of 5 GMAC/s at 1 ms of round trip, simulated.",
    '',
    '| method | link | 2 nodes | 3 nodes | 4 nodes |',
    '|---|---|---|---|---|',
    ...Object.entries(REPORTED).map(([method, values]) => `| ${method} | reported | ${cells(values)} |`),
    ...rows.map(
      ({ method, mbitPerSecond, speedups }) => `| ${method} | ${mbitPerSecond} Mbit/s | ${cells(speedups)} |`,
    ),
  ]
}

/** What `auto` is compared with in the compression table. */
const COMPARED_WITH = [
  ['device', 'deviceOnlyMs'],
  ['raw camera', 'rawCameraMs'],
  ['raw tensor', 'rawTensorMs'],
  ['raw scaled', 'rawPictureMs'],
  ['JPEG', 'jpegRemoteMs'],
] as const

function compressionTable(rows: readonly CompressAndCut[]): string[] {
  const pairs = PAIRS.map(({ pair, gmacsPerSecond, rttMs }) => `${pair} ${gmacsPerSecond} GMAC/s at ${rttMs} ms`)
  const less = (ms: number, than: number) => `${(100 * (1 - ms / than)).toFixed(0)} %`
  return [
    '### Compress and cut',
    '',
    `The shipped nets, phone 0.5 GMAC/s, ${pairs.join(', ')} of round trip, at most 2 points of loss; predicted ms. Remote only, not compressed, in three sizes: the picture as the camera gives it (${CAMERA.width} x ${CAMERA.height}, 8-bit RGB), its pixels after the phone has scaled it to the network's size (8-bit RGB), and the float32 input tensor. Partition only: one cut, float32. Compression only: the phone alone with exits and compressed trunks. Compress + cut: one cut in the best wire format. \`auto\`: all of these. The last columns: how much lower \`auto\` is.`,
    '',
    `| net | helper | Mbit/s | device only | raw camera | raw tensor | raw scaled | JPEG | partition only | compression only | compress + cut | auto | ${COMPARED_WITH.map(([name]) => `than ${name}`).join(' | ')} |`,
    `|${'---|'.repeat(12 + COMPARED_WITH.length)}`,
    ...rows.map((row) => {
      const times = [
        row.deviceOnlyMs,
        row.rawCameraMs,
        row.rawTensorMs,
        row.rawPictureMs,
        row.jpegRemoteMs,
        row.partitionOnlyMs,
        row.compressionOnlyMs,
        row.compressAndCutMs,
        row.autoMs,
      ].map((value) => value.toFixed(0))
      const than = COMPARED_WITH.map(([, key]) => less(row.autoMs, row[key]))
      return `| ${[row.model, row.pair, row.mbitPerSecond, ...times, ...than].join(' | ')} |`
    }),
    '',
    `How much lower \`auto\` is, least to most: ${COMPARED_WITH.map(([name, key]) => {
      const shares = rows.map((row) => 100 * (1 - row.autoMs / row[key]))
      return `than ${name} ${Math.min(...shares).toFixed(1)} to ${Math.max(...shares).toFixed(1)} %`
    }).join(', ')}.`,
  ]
}

function comparisonTable(rows: readonly ComparisonRow[]): string {
  const ratios = [
    'distredge / best baseline',
    'auto / distredge',
    'auto alone / distredge',
    'auto: simulated / predicted',
  ]
  const head = ['net', 'wires', 'devices', 'Mbit/s', ...COMPARED, ...ratios]
  const lines = rows.map(({ net, wires, group, link, imagesPerSecond, predictedPerSecond }) => {
    const cells = COMPARED.map((method) => (imagesPerSecond[method] > 0 ? imagesPerSecond[method].toFixed(2) : '-'))
    const { distredge, auto } = imagesPerSecond
    const kept = predictedPerSecond === undefined ? '' : (auto / predictedPerSecond.auto).toFixed(3)
    const shares = [
      distredge / bestBaseline(imagesPerSecond),
      auto / distredge,
      imagesPerSecond['auto alone'] / distredge,
    ]
    const last = [...shares.map((share) => share.toFixed(2)), kept]
    return [net, wires, group, link, ...cells, ...last]
  })
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const bestBaseline = (rates: Rates): number => Math.max(...BASELINES.map((method) => rates[method]))

function summary(rows: readonly ComparisonRow[]): string {
  if (rows.length === 0) return ''
  const over = BASELINES.map((method) => {
    const ratios = rows
      .filter(({ imagesPerSecond }) => imagesPerSecond[method] > 0)
      .map(({ imagesPerSecond }) => imagesPerSecond.distredge / imagesPerSecond[method])
    return `${method} ${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`
  })
  const beaten = rows.flatMap(({ predictedPerSecond: rates }) =>
    rates === undefined ? [] : [Math.max(...COMPARED.map((method) => rates[method])) / rates.auto],
  )
  const errors = rows
    .flatMap(({ imagesPerSecond, predictedPerSecond: predicted }) =>
      COMPARED.flatMap((method) =>
        predicted === undefined || predicted[method] === 0
          ? []
          : [Math.abs(imagesPerSecond[method] / predicted[method] - 1) * 100],
      ),
    )
    .sort((a, b) => a - b)
  const at = (share: number) => (errors[Math.floor((errors.length - 1) * share)] ?? 0).toFixed(1)
  return [
    `\`distredge\` over its baselines (x, smallest to largest): ${over.join(', ')}.`,
    `${againstLearned(rows, 'auto')}, ${againstLearned(rows, 'auto alone')};`,
    `in prediction no method beats \`auto\` by more than ${((Math.max(...beaten) - 1) * 100).toFixed(1)} %.`,
    `Simulated against predicted images/s over all methods: median ${at(0.5)} %, 95th percentile ${at(0.95)} %, worst ${at(1)} % off.`,
  ].join(' ')
}

/** In how many rows `distredge` is not ahead. */
function againstLearned(rows: readonly ComparisonRow[], method: 'auto' | 'auto alone'): string {
  const shares = rows.map(({ imagesPerSecond: rates }) => rates[method] / rates.distredge)
  const level = shares.filter((share) => share >= 0.999).length
  return `\`${method}\` is at least as fast as \`distredge\`, to 0.1 %, in ${level} of ${rows.length} rows (least ${Math.min(...shares).toFixed(3)} x)`
}
