import { writeFile } from 'node:fs/promises'
import { analyse, extract, tile, writeModel } from '@roomful/graph'
import { type Command, option, positional, UsageError } from '../command.ts'
import { readModelAt } from '../model/read.ts'

export const extractCommand: Command = {
  summary: 'Write the sub-model between two tensors, or some rows of it',
  usage: 'MODEL --from T --to T [--rows a:b] --out FILE',
  help: `
  --from, --to   tensor names (comma-separated when several); the input and the outputs count
  --rows a:b     only rows [a, b) of --to; the sub-model then takes the input rows that it reports
  --out          ONNX file to write, weights inside
  --json         {from, to, rows, inputRows, bytes, parameters, macs, out}`,
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    rows: { type: 'string' },
    out: { type: 'string' },
    'input-shape': { type: 'string' },
  },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const [from, to, out] = (['from', 'to', 'out'] as const).map((name) => {
      const value = option(context, name)
      if (value === undefined || value === '') throw new UsageError(`extract: --${name} is missing`)
      return value
    }) as [string, string, string]
    const rows = rowRange(option(context, 'rows'))
    const inputShape = option(context, 'input-shape')
    const { graph } = await readModelAt(context.path(positional(context, 0, 'MODEL')), { inputShape, weights: true })
    const part = rows === undefined ? { graph: extract(graph, names(from), names(to)) } : tile(graph, from, to, rows)
    const { totals } = analyse(part.graph)
    const { model } = writeModel(part.graph)
    await writeFile(context.path(out), model)
    context.result({
      from,
      to,
      ...(rows === undefined ? {} : { rows: [rows.start, rows.end] }),
      ...('inputRows' in part ? { inputRows: [part.inputRows.start, part.inputRows.end] } : {}),
      bytes: model.length,
      parameters: totals.parameters,
      macs: totals.macs,
      out: context.path(out),
    })
    const reads = 'inputRows' in part ? `, reads rows [${part.inputRows.start}, ${part.inputRows.end}) of ${from}` : ''
    context.print(
      `${out}: ${model.length} bytes, ${part.graph.nodes.length} nodes, ${totals.macs} multiply-accumulates${reads}`,
    )
    return 0
  },
}

const names = (text: string): string | string[] => (text.includes(',') ? text.split(',') : text)

function rowRange(text: string | undefined): { start: number; end: number } | undefined {
  if (text === undefined) return undefined
  const match = /^(\d+):(\d+)$/.exec(text)
  const start = Number(match?.[1])
  const end = Number(match?.[2])
  if (match === null || end <= start) throw new UsageError(`--rows ${text}: a:b with a < b is expected`)
  return { start, end }
}
