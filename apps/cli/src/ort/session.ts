import { errorText } from '@roomful/core'
import type { DType, FeatureMap, FeatureMaps } from '@roomful/tensor'
import ort from 'onnxruntime-node'
import { CommandError } from '../command.ts'

const TYPES: Readonly<Record<string, DType>> = {
  float32: 'float32',
  float16: 'float16',
  uint8: 'uint8',
  int8: 'int8',
  int32: 'int32',
  int64: 'int64',
  bool: 'bool',
}

/** A model in onnxruntime-node. Release it: native memory is not collected in time. */
export class NodeSession implements AsyncDisposable {
  readonly #session: ort.InferenceSession

  private constructor(session: ort.InferenceSession) {
    this.#session = session
  }

  /**
   * `optimise: false` runs the graph as it is written: cuts and tiles are judged so, because fusions across a cut change
   * the last digits of quantised nets.
   * @throws CommandError `input` when ONNX Runtime refuses the model
   */
  static async create(model: Uint8Array, options: { readonly optimise: boolean }): Promise<NodeSession> {
    const session = await ort.InferenceSession.create(model, {
      graphOptimizationLevel: options.optimise ? 'all' : 'disabled',
      logSeverityLevel: 3,
      // Small sessions, run one after the other: threads that spin for each other cost more than they bring, and nine times
      // as much on a machine that has other work.
      intraOpNumThreads: 1,
    }).catch((cause: unknown) => {
      throw new CommandError('input', `ONNX Runtime refuses the model: ${errorText(cause)}`, { cause })
    })
    return new NodeSession(session)
  }

  get inputs(): readonly string[] {
    return this.#session.inputNames
  }

  get outputs(): readonly string[] {
    return this.#session.outputNames
  }

  /** @throws CommandError `input` when the run fails or gives a type that Roomful does not carry */
  async run(feeds: FeatureMaps): Promise<FeatureMaps> {
    const tensors: Record<string, ort.Tensor> = {}
    for (const name of this.inputs) {
      const map = feeds[name]
      if (map === undefined) throw new CommandError('input', `the model's input ${name} was not given`)
      tensors[name] = toTensor(map)
    }
    const results = await this.#session.run(tensors).catch((cause: unknown) => {
      throw new CommandError('input', `ONNX Runtime: ${errorText(cause)}`, { cause })
    })
    const out: Record<string, FeatureMap> = {}
    for (const [name, tensor] of Object.entries(results)) out[name] = fromTensor(name, tensor)
    return out
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release()
  }
}

function toTensor(map: FeatureMap): ort.Tensor {
  // The typed overloads of ort.Tensor cannot be chosen from a union; the pair is checked at run time by ONNX Runtime.
  return new ort.Tensor(map.dtype as 'float32', map.data as Float32Array, map.dims)
}

function fromTensor(name: string, tensor: ort.Tensor): FeatureMap {
  const dtype = TYPES[tensor.type]
  if (dtype === undefined)
    throw new CommandError('input', `tensor ${name} has type ${tensor.type}, which is not carried`)
  return { dtype, dims: tensor.dims, data: tensor.data as FeatureMap['data'] }
}
