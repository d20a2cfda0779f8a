import { gaussian, type Random, seededRandom } from '@roomful/core'
import { elementCount, type FeatureMap } from '@roomful/tensor'
import { NetWriter } from '../onnx/net-writer.ts'

/** Normal values of the given spread. */
export function randomValues(count: number, random: Random, spread = 1): Float32Array {
  return Float32Array.from({ length: count }, () => spread * gaussian(random))
}

export function randomInput(dims: readonly number[], seed = 1): FeatureMap<'float32'> {
  return { dtype: 'float32', dims, data: randomValues(elementCount(dims), seededRandom(seed)) }
}

/** conv 3x3 - relu - conv 3x3 stride 2 - global pool - dense: `x` [1, 3, size, size] -> `y` [1, 10]. */
export function smallNet(size = 16, seed = 7): Uint8Array {
  const random = seededRandom(seed)
  const net = new NetWriter()
  const weights = (dims: readonly number[]) =>
    net.floats(dims, randomValues(elementCount(dims), random, 1 / Math.sqrt(elementCount(dims.slice(1)))))
  let x = net.input('x', [1, 3, size, size])
  x = net.node('Conv', [x, weights([8, 3, 3, 3]), weights([8])], { pads: [1, 1, 1, 1] })
  x = net.node('Relu', [x])
  x = net.node('Conv', [x, weights([16, 8, 3, 3])], { pads: [1, 1, 1, 1], strides: [2, 2] })
  x = net.node('GlobalAveragePool', [x])
  x = net.node('Flatten', [x])
  net.output(net.node('Gemm', [x, weights([10, 16])], { transB: 1 }, 'y'))
  return net.build()
}

/** conv 3x3 - relu that keeps its shape: `x` [1, 3, size, size] -> `y` of the same. */
export function blockNet(size = 16, seed = 7): Uint8Array {
  const net = new NetWriter()
  const x = net.input('x', [1, 3, size, size])
  const weights = net.floats([3, 3, 3, 3], randomValues(81, seededRandom(seed), 0.3))
  net.output(net.node('Relu', [net.node('Conv', [x, weights], { pads: [1, 1, 1, 1] })], {}, 'y'))
  return net.build()
}

/** `y` = `a` + `b`, each [1, 3, size, size]. */
export function sumNet(size = 16): Uint8Array {
  const net = new NetWriter()
  const dims = [1, 3, size, size]
  net.output(net.node('Add', [net.input('a', dims), net.input('b', dims)], {}, 'y'))
  return net.build()
}
