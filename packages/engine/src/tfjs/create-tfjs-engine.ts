import { errorText } from '@roomful/core'
import * as tf from '@tensorflow/tfjs-core'
import { EngineError, type InferenceEngine } from '../engine.ts'
import type { HostedEngine } from '../worker/messages.ts'
import { TfjsEngine } from './tfjs-engine.ts'

/** TensorFlow.js on WebGPU or WebGL in this Worker; only the backend asked for is downloaded. */
export async function createTfjsEngine(hosted: HostedEngine): Promise<InferenceEngine> {
  try {
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
