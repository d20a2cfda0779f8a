import { checkFeatureMap, type DType, type DTypeData, type FeatureMap } from '@roomful/tensor'
import { EngineError } from '../engine.ts'
import type { OrtRuntime, OrtTensor } from './runtime.ts'

const DTYPES: ReadonlySet<string> = new Set<DType>(['float32', 'float16', 'uint8', 'int8', 'int32', 'int64', 'bool'])

/** A feature map as an ORT tensor over the same memory. @throws EngineError `shape` */
export function toOrt(runtime: OrtRuntime, name: string, map: FeatureMap): OrtTensor {
  try {
    checkFeatureMap(map)
  } catch (cause) {
    throw new EngineError('shape', `input '${name}': dims [${map.dims}] and its data do not fit`, { cause })
  }
  return new runtime.Tensor(map.dtype, map.data, map.dims)
}

/** An ORT tensor as a feature map over the same memory; halves as raw bits. @throws EngineError `unsupported` */
export function fromOrt(name: string, tensor: OrtTensor): FeatureMap {
  const { type, data, dims } = tensor
  if (!isDType(type) || !ArrayBuffer.isView(data)) {
    throw new EngineError('unsupported', `output '${name}' has the element type ${type}, which cannot leave a stage`)
  }
  // Float16Array where the platform has it, Uint16Array elsewhere: the bits are the same.
  if (type === 'float16') {
    return { dtype: type, dims, data: new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) }
  }
  return { dtype: type, dims, data: data as DTypeData[DType] }
}

function isDType(type: string): type is DType {
  return DTYPES.has(type)
}
