import { errorText } from '@roomful/core'
import * as tf from '@tensorflow/tfjs-core'
import { EngineError, type InferenceEngine } from '../engine.ts'
import type { HostedEngine } from '../worker/messages.ts'
import { TfjsEngine } from './tfjs-engine.ts'

/** TensorFlow.js on WASM, WebGPU or WebGL in this Worker; only the backend asked for is downloaded. */
export async function createTfjsEngine(hosted: HostedEngine): Promise<InferenceEngine> {
  try {
    if (hosted.backend === 'tfjs-wasm') return await wasm()
    return hosted.backend === 'tfjs-webgpu' ? await webgpu() : await webgl()
  } catch (cause) {
    if (cause instanceof EngineError) throw cause
    throw new EngineError('unavailable', `starting ${hosted.backend}: ${errorText(cause)}`, { cause })
  }
}

async function activate(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new EngineError('unavailable', `TensorFlow.js cannot use ${name} here`)
  await tf.ready()
}

/**
 * Kernels of XNNPACK: 0.64 to 0.88 x ONNX Runtime's time for nets of convolutions, up to 2.7 x where small operators prevail. On one
 * thread: for more, TensorFlow.js hands the text of its own loader to Workers, which lacks what a bundler has moved out of it.
 */
async function wasm(): Promise<InferenceEngine> {
  const [{ setWasmPaths }, plain, simd] = await Promise.all([
    import('@tensorflow/tfjs-backend-wasm'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'),
    import('@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'),
  ])
  const at = ({ default: file }: { default: string }) => new URL(file, self.location.href).href
  setWasmPaths({
    'tfjs-backend-wasm.wasm': at(plain),
    'tfjs-backend-wasm-simd.wasm': at(simd),
    // It wants to know of all three; this one is not loaded.
    'tfjs-backend-wasm-threaded-simd.wasm': at(simd),
  })
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  await activate('wasm')
  return new TfjsEngine({ backend: 'tfjs-wasm' })
}

async function webgpu(): Promise<InferenceEngine> {
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu')
  await activate('webgpu')
  const backend = tf.backend()
  return new TfjsEngine({
    backend: 'tfjs-webgpu',
    watch: (lost) => {
      if (!(backend instanceof WebGPUBackend)) return
      void backend.device.lost.then((info) => lost(`the GPU device was lost: ${info.message || info.reason}`))
    },
  })
}

async function webgl(): Promise<InferenceEngine> {
  const { MathBackendWebGL } = await import('@tensorflow/tfjs-backend-webgl')
  await activate('webgl')
  const backend = tf.backend()
  return new TfjsEngine({
    backend: 'tfjs-webgl',
    watch: (lost) => {
      if (!(backend instanceof MathBackendWebGL)) return
      backend.gpgpu.gl.canvas.addEventListener('webglcontextlost', () => lost('the WebGL context was lost'))
    },
  })
}
