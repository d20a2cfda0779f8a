import { EngineError, type InferenceEngine } from '../engine.ts'
import { usableThreads } from '../usable-threads.ts'
import type { HostedEngine } from '../worker/messages.ts'
import { ortError } from './error.ts'
import { OrtEngine } from './ort-engine.ts'
import type { SessionOptions } from './runtime.ts'

/**
 * onnxruntime-web in this Worker (never in a page's main thread: a run blocks). The runtime and its binary are
 * imported only here, so that a device without WebGPU downloads the small one alone.
 */
export async function createOrtWebEngine(hosted: HostedEngine): Promise<InferenceEngine> {
  try {
    return hosted.backend === 'ort-webgpu' ? await webgpu(hosted) : await wasm(hosted)
  } catch (cause) {
    throw ortError(cause, `starting ${hosted.backend}`)
  }
}

function sessionOptions(hosted: HostedEngine, provider: 'wasm' | 'webgpu'): SessionOptions {
  return {
    executionProviders: [provider],
    graphOptimizationLevel: hosted.optimisation,
    logSeverityLevel: 3,
    enableMemPattern: true,
  }
}

async function wasm(hosted: HostedEngine): Promise<InferenceEngine> {
  const [ort, { default: binary }] = await Promise.all([
    import('onnxruntime-web/wasm'),
    import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'),
  ])
  const threads = usableThreads(hosted.threads)
  ort.env.wasm.numThreads = threads
  ort.env.wasm.wasmPaths = { wasm: new URL(binary, self.location.href).href }
  return new OrtEngine({ runtime: ort, backend: 'ort-wasm', threads, session: sessionOptions(hosted, 'wasm') })
}

async function webgpu(hosted: HostedEngine): Promise<InferenceEngine> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null || adapter === undefined) {
    throw new EngineError('unavailable', 'this browser has no WebGPU adapter')
  }
  const [ort, { default: binary }] = await Promise.all([
    import('onnxruntime-web/webgpu'),
    import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'),
  ])
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = { wasm: new URL(binary, self.location.href).href }
  ort.env.webgpu.powerPreference = 'high-performance'
  return new OrtEngine({
    runtime: ort,
    backend: 'ort-webgpu',
    threads: 1,
    session: sessionOptions(hosted, 'webgpu'),
    keepsDevice: true,
    onFirstSession: async (engine) => {
      const device = await ort.env.webgpu.device
      void device.lost.then((info) => {
        engine.fail(new EngineError('lost', `the GPU device was lost: ${info.message || info.reason}`))
      })
    },
  })
}
