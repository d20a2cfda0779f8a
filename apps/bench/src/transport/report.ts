import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import type { TransportBenchResult } from './bench-transport.ts'
import type { TransportSummary } from './summary.ts'

/** Where and when the figures were measured. */
export interface TransportMachine {
  readonly date: string
  readonly commit: string
  readonly processor: string
  readonly cores: number
  /** Running and waiting processes over the last minute before the run. */
  readonly load: number
}

export function transportMachine(): TransportMachine {
  const [processor] = cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    processor: processor?.model ?? 'unknown',
    cores: cpus().length,
    load: loadavg()[0] ?? 0,
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

/** docs/benchmarks/transport.md, whole. */
export function transportMarkdown({ what, quick, repetitions, byDelay, machine }: TransportBenchResult): string {
  return `# Messages over a link

Made by \`npm run roomful -- bench transport${quick ? ' --quick' : ''} --write\`. Definitions: ${what}

${Object.entries(byDelay)
  .map(([delayMs, summary]) => table(delayMs, summary))
  .join('\n')}
${repetitions} repetitions, contenders and sizes in an order drawn anew for each. ${machine.date}, commit ${machine.commit}, ${machine.processor}, ${machine.cores} cores,
load ${machine.load.toFixed(1)} before the run.
`
}

function table(delayMs: string, summary: TransportSummary): string {
  const measured = new Set(Object.values(summary.medians).flatMap((cells) => Object.keys(cells)))
  const contenders = ['roomful', 'raw-16', 'raw-64', 'peerjs'].filter((name) => measured.has(name))
  const rows = Object.entries(summary.medians).map(([bytes, cells]) => {
    const figure = (name: string): string => {
      const cell = cells[name]
      return cell === undefined ? '' : `${cell.goodputMBps.toFixed(2)} / ${cell.echoMs.toFixed(1)}`
    }
    const ratio = (name: 'goodputRatioToRaw' | 'echoRatioToRaw' | 'goodputRatioToPeerJS' | 'echoRatioToPeerJS') => {
      const [low, high] = summary.intervals[name][bytes] ?? []
      const value = summary[name][bytes]?.toFixed(2) ?? ''
      return low === undefined || high === undefined ? value : `${value} (${low.toFixed(2)}-${high.toFixed(2)})`
    }
    const ratios = [
      ratio('goodputRatioToRaw'),
      ratio('echoRatioToRaw'),
      ratio('goodputRatioToPeerJS'),
      ratio('echoRatioToPeerJS'),
    ]
    return `| ${[`${Number(bytes) / 1024} KiB`, ...contenders.map(figure), ...ratios].join(' | ')} |`
  })
  return `## ${delayMs} ms each way

| message | ${contenders.join(' | ')} | goodput to raw | echo to raw | goodput to PeerJS | echo to PeerJS |
|---|${contenders.map(() => '---|').join('')}---|---|---|---|
${rows.join('\n')}

Cells: goodput in MB/s / echo in ms, medians. Ratios with their 95 % intervals.
`
}
