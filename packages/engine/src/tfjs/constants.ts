import type { TensorName } from '@roomful/core'
import type { GraphAnalysis, Initialiser } from '@roomful/graph'
import { fromHalf } from '@roomful/tensor'

/** A constant of a model, in ONNX order, its elements as floats (indices up to 2^24 are exact). */
export interface Constant {
  readonly dims: readonly number[]
  readonly values: Float32Array
}

/** Finds constants: initialisers, Constant nodes, and what graph analysis has folded. */
export function constantsOf(analysis: GraphAnalysis): (name: TensorName) => Constant | undefined {
  const { graph } = analysis
  const fromNodes = new Map<TensorName, Initialiser>()
  for (const node of graph.nodes) {
    const value = node.op === 'Constant' ? node.attributes.get('value') : undefined
    const [output] = node.outputs
    if (value?.kind === 'tensor' && output !== undefined) fromNodes.set(output, value.value)
  }
  return (name) => {
    const initialiser = graph.initialisers.get(name) ?? fromNodes.get(name)
    if (initialiser !== undefined) {
      const values = floatsOf(initialiser)
      return values === undefined ? undefined : { dims: initialiser.dims, values }
    }
    const info = analysis.tensors.get(name)
    if (info?.value === undefined) return undefined
    return { dims: info.shape, values: Float32Array.from(info.value) }
  }
}

/** undefined for types without numbers and for weights that are not in the file. */
function floatsOf({ dtype, data }: Initialiser): Float32Array | undefined {
  if (data === undefined) return undefined
  // A copy: the bytes lie anywhere in the file, typed arrays want aligned ones.
  const { buffer } = data.slice()
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer)
    case 'float16':
      return fromHalf(new Uint16Array(buffer))
    case 'float64':
      return Float32Array.from(new Float64Array(buffer))
    case 'int64':
      return Float32Array.from(new BigInt64Array(buffer), Number)
    case 'int32':
      return Float32Array.from(new Int32Array(buffer))
    case 'int8':
      return Float32Array.from(new Int8Array(buffer))
    case 'uint8':
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer))
    default:
      return undefined
  }
}
