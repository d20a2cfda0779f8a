import { TfjsEngine } from '@roomful/engine/tfjs'
import { getThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import '@tensorflow/tfjs-backend-webgl'
import * as tf from '@tensorflow/tfjs-core'
import type { BareSession } from '../library.ts'

/** TensorFlow.js on WebGL where a GPU draws it, on WASM elsewhere: in software WebGL is 19 times slower than ONNX Runtime. */
export async function openTfjs(model: Uint8Array, dims: readonly number[]): Promise<BareSession> {
  setWasmPaths({
    'tfjs-backend-wasm.wasm': new URL(plain, location.href).href,
    'tfjs-backend-wasm-simd.wasm': new URL(simd, location.href).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL(threaded, location.href).href,
  })
  const backend = hasGpu() ? 'webgl' : 'wasm'
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js cannot use ${backend} here`)
  await tf.ready()
  const session = await new TfjsEngine({ backend: 'tfjs-webgl' }).load(model)
  const [input] = session.inputs
  const [output] = session.outputs
  if (input === undefined || output === undefined) throw new Error('the network takes or gives no tensor')
  return {
    what: `TensorFlow.js ${tf.version_core} on ${backend === 'wasm' ? `WASM (no GPU), ${threads()}` : 'WebGL'}`,
    async run(values) {
      const { outputs } = await session.run({ [input]: { dtype: 'float32', dims, data: values } })
      const data = outputs[output]?.data
      if (!(data instanceof Float32Array)) throw new Error('the network gave no float32 tensor')
      return data
    },
  }
}

/** As many as it takes by itself: one where the page may not share memory, else one for each core that the browser names. */
function threads(): string {
  const count = getThreadsCount()
  return `${count} thread${count === 1 ? '' : 's'}`
}

function hasGpu(): boolean {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2')
  if (context === null) return false
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const renderer = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER))
  return !/swiftshader|llvmpipe|softpipe|basic render/i.test(renderer)
}
