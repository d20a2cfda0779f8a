import { ReasonedError } from '@roomful/core'

/**
 * - `malformed`: not an ONNX model, or one that contradicts itself (wrong raw_data length, duplicate names, bad dims)
 * - `unsupported`: a form of ONNX that this package does not read (segments, sequence inputs)
 * - `missing`: a node reads a tensor that nothing makes, or external weights are absent
 * - `cyclic`: the nodes cannot be ordered
 * - `too-large`: over the limits of `readModel`
 * - `shape`: a shape cannot be inferred, or the shapes of a node's inputs do not fit together
 * - `unknown-tensor`: the name given is no tensor of the graph
 * - `not-separating`: `to` cannot be computed from `from` alone
 * - `not-tileable`: a node of the volume needs the whole tensor, or the rows asked for do not exist
 */
export type GraphReason =
  | 'malformed'
  | 'unsupported'
  | 'missing'
  | 'cyclic'
  | 'too-large'
  | 'shape'
  | 'unknown-tensor'
  | 'not-separating'
  | 'not-tileable'

/** Everything that this package refuses. `node` is the label of the node that forbids it, where one does. */
export class GraphError extends ReasonedError<GraphReason> {
  override readonly name = 'GraphError'
  readonly node?: string

  constructor(reason: GraphReason, message: string, options?: { cause?: unknown; node?: string }) {
    super(reason, message, options)
    if (options?.node !== undefined) this.node = options.node
  }
}
