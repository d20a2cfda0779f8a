import { EngineError, type InferenceEngine } from '../engine.ts'
import { FallbackEngine } from '../fallback-engine.ts'
import type { HostedEngine } from './messages.ts'

/** Builds the engine that a worker hosts; each family is a chunk of its own, downloaded only when it is asked for. */
export async function openEngine(hosted: HostedEngine): Promise<InferenceEngine> {
  switch (hosted.backend) {
    case 'ort-wasm':
    case 'ort-webgpu':
      return (await import('../ort/ort-web-engine.ts')).createOrtWebEngine(hosted)
    case 'tfjs-wasm': {
      const tfjs = await (await import('../tfjs/create-tfjs-engine.ts')).createTfjsEngine(hosted)
      return new FallbackEngine(tfjs, async () =>
        (await import('../ort/ort-web-engine.ts')).createOrtWebEngine({ ...hosted, backend: 'ort-wasm' }),
      )
    }
    case 'tfjs-webgpu':
    case 'tfjs-webgl':
      return (await import('../tfjs/create-tfjs-engine.ts')).createTfjsEngine(hosted)
    case 'ort-node':
      throw new EngineError('unavailable', 'ort-node does not run in a browser')
  }
}
