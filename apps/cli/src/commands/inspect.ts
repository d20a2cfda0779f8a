import { analyse, type GraphAnalysis, partitionPoints } from '@roomful/graph'
import { type Command, option, positional } from '../command.ts'
import { readModelAt } from '../model/read.ts'

const describe = (analysis: GraphAnalysis) => (value: { name: string }) => ({
  name: value.name,
  shape: analysis.tensors.get(value.name)?.shape ?? [],
  dtype: analysis.tensors.get(value.name)?.dtype ?? 'undefined',
})

export const inspect: Command = {
  summary: 'What a model is made of, and where it can be cut',
  usage: 'MODEL [--input-shape 1,3,224,224] [--output NAME]',
  help: `
MODEL is an ONNX file or the folder of a model package.
  --input-shape  sizes for symbolic dimensions of the first input; 'name:1,3,224,224' for another one
  --output       partition points towards this output only; by default towards all outputs, and in a package its final one
  --json         {opset, inputs, outputs, parameters, macs, nodes, unsupported, partitionPoints}`,
  options: { 'input-shape': { type: 'string' }, output: { type: 'string' } },
  positionals: { min: 1, max: 1 },
  async run(context) {
    const inputShape = option(context, 'input-shape')
    const model = await readModelAt(context.path(positional(context, 0, 'MODEL')), { inputShape, weights: false })
    const analysis = analyse(model.graph)
    const output = option(context, 'output') ?? model.manifest?.final.output
    const points = partitionPoints(analysis, { output: output ?? model.graph.outputs.map(({ name }) => name) })
    const result = {
      opset: model.graph.opset,
      inputs: model.graph.inputs.map(describe(analysis)),
      outputs: model.graph.outputs.map(describe(analysis)),
      parameters: analysis.totals.parameters,
      macs: analysis.totals.macs,
      nodes: model.graph.nodes.length,
      unsupported: analysis.unsupported,
      partitionPoints: points.map(({ tensor, shape, bytes, macsBefore, parametersBefore }) => ({
        tensor,
        shape,
        bytes,
        macsBefore,
        parametersBefore,
      })),
    }
    context.result(result)
    const mega = (n: number) => `${(n / 1e6).toFixed(2)} M`
    context.print(
      `opset ${result.opset}, ${result.nodes} nodes, ${mega(result.parameters)} parameters, ${mega(result.macs)} multiply-accumulates`,
    )
    for (const { name, shape } of result.inputs) context.print(`input  ${name} [${shape.join(', ')}]`)
    for (const { name, shape } of result.outputs) context.print(`output ${name} [${shape.join(', ')}]`)
    for (const { node, op } of result.unsupported) context.print(`not known: ${op} (${node})`)
    context.print(`${points.length} partition points:`)
    for (const p of result.partitionPoints) {
      const where = `${mega(p.macsBefore).padStart(10)} MAC before`
      context.print(`  ${where}  ${String(p.bytes).padStart(9)} bytes  [${p.shape.join(', ')}]  ${p.tensor}`)
    }
    return 0
  },
}
