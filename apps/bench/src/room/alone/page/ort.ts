import binary from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import type { BareSession } from '../library.ts'

/** The settings of Roomful's own engine (packages/engine, ort-web-engine.ts), in the page itself: no Worker, no queue. */
export async function openOrt(model: Uint8Array, dims: readonly number[], threads: number): Promise<BareSession> {
  env.wasm.numThreads = crossOriginIsolated ? threads : 1
  env.wasm.wasmPaths = { wasm: new URL(binary, location.href).href }
  const session = await InferenceSession.create(model, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    enableMemPattern: true,
  })
  const [input] = session.inputNames
  const [output] = session.outputNames
  if (input === undefined || output === undefined) throw new Error('the network takes or gives no tensor')
  return {
    what: `onnxruntime-web ${env.versions.web ?? ''} on WASM, ${env.wasm.numThreads} thread${env.wasm.numThreads === 1 ? '' : 's'}`,
    async run(values) {
      const results = await session.run({ [input]: new Tensor('float32', values, dims) })
      const { data } = results[output] ?? {}
      if (!(data instanceof Float32Array)) throw new Error('the network gave no float32 tensor')
      return data
    },
  }
}
