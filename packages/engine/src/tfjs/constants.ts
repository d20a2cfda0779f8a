import type { TensorName } from '@roomful/core'
import type { GraphAnalysis, GraphNode, Initialiser } from '@roomful/graph'
import { fromHalf } from '@roomful/tensor'

/** A constant of a model, in ONNX order, its elements as floats (indices up to 2^24 are exact). */
export interface Constant {
  readonly dims: readonly number[]
  readonly values: Float32Array
}

type Lookup = (name: TensorName) => Constant | undefined

/**
 * Finds constants: initialisers, Constant nodes, what graph analysis has folded, and weights that the model reshapes,
 * transposes or dequantises before it uses them.
 */
export function constantsOf(analysis: GraphAnalysis): Lookup {
  const { graph, producers } = analysis
  const found = new Map<TensorName, Constant | undefined>()
  const lookup: Lookup = (name) => {
    if (!found.has(name)) found.set(name, find(name))
    return found.get(name)
  }
  const find: Lookup = (name) => {
    const info = analysis.tensors.get(name)
    const producer = producers.get(name)
    const node = producer === undefined ? undefined : graph.nodes[producer]
    const stored = node?.op === 'Constant' ? node.attributes.get('value') : undefined
    const initialiser = graph.initialisers.get(name) ?? (stored?.kind === 'tensor' ? stored.value : undefined)
    if (initialiser !== undefined) {
      const values = floatsOf(initialiser)
      return values === undefined ? undefined : { dims: initialiser.dims, values }
    }
    if (info?.value !== undefined) return { dims: info.shape, values: Float32Array.from(info.value) }
    return node === undefined || info === undefined ? undefined : derived(node, info.shape, lookup)
  }
  return lookup
}

/** A constant that a node makes of other constants. */
function derived(node: GraphNode, dims: readonly number[], lookup: Lookup): Constant | undefined {
  const [x, scale, zero] = node.inputs.map((name) => (name === '' ? undefined : lookup(name)))
  if (x === undefined || node.domain !== '') return undefined
  switch (node.op) {
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Identity':
      return { dims, values: x.values }
    case 'Transpose': {
      const perm = node.attributes.get('perm')
      const axes = perm?.kind === 'ints' ? perm.value : x.dims.map((_, i) => x.dims.length - 1 - i)
      return { dims, values: transposed(x, axes) }
    }
    case 'DequantizeLinear': {
      const axis = node.attributes.get('axis')
      return scale === undefined ? undefined : dequantised(x, scale, zero, axis?.kind === 'int' ? axis.value : 1)
    }
    default:
      return undefined
  }
}

/** The values with their axes in another order. */
export function transposed({ dims, values }: Constant, axes: readonly number[]): Float32Array {
  if (axes.length === 2 && axes[0] === 1) return transposedMatrix({ dims, values })
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1))
  const sizes = axes.map((axis) => dims[axis] ?? 1)
  const steps = axes.map((axis) => strides[axis] ?? 0)
  const out = new Float32Array(values.length)
  const index = axes.map(() => 0)
  let from = 0
  for (let at = 0; at < out.length; at++) {
    out[at] = values[from] as number
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number
      const next = (index[axis] as number) + 1
      index[axis] = next
      if (next < (sizes[axis] as number)) break
      from -= next * (steps[axis] as number)
      index[axis] = 0
    }
  }
  return out
}

/** Values of 64 bytes, which caches read at once. */
const TILE = 16

/** Column by column within tiles: the weights of a large dense layer lie in no cache. */
function transposedMatrix({ dims, values }: Constant): Float32Array {
  const [rows = 0, columns = 0] = dims
  const out = new Float32Array(values.length)
  for (let begin = 0; begin < columns; begin += TILE) {
    const end = Math.min(columns, begin + TILE)
    for (let row = 0; row < rows; row++) {
      for (let column = begin; column < end; column++) {
        out[column * rows + row] = values[row * columns + column] as number
      }
    }
  }
  return out
}

/** (x - zero) * scale, with one scale for all or one per index of `axis`. */
function dequantised(x: Constant, scale: Constant, zero: Constant | undefined, axis: number): Constant {
  const inner = x.dims.slice(axis < 0 ? axis + x.dims.length + 1 : axis + 1).reduce((product, dim) => product * dim, 1)
  const count = scale.values.length
  const values = x.values.map((value, i) => {
    const at = count === 1 ? 0 : Math.floor(i / inner) % count
    return (value - (zero?.values[at] ?? 0)) * (scale.values[at] ?? 1)
  })
  return { dims: x.dims, values }
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
