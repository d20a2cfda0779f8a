import { type Backend, type Clock, systemClock, withDeadline } from '@roomful/core'
import { EngineError } from '../engine.ts'

/** A backend that this browser seems to have. */
export interface AvailableBackend {
  readonly backend: Backend
  readonly threads: number
  /** The GPU is emulated on the CPU: correct, but slower than WASM by orders of magnitude. */
  readonly software: boolean
}

export interface ProbeOptions {
  readonly clock?: Clock
  /** For each probe; a browser that does not answer counts as having none. Default 2,000. */
  readonly timeoutMs?: number
}

/** Looks for backends without downloading or starting any: WASM first, then the GPU's. Never rejects. */
export async function availableBackends(options: ProbeOptions = {}): Promise<AvailableBackend[]> {
  const { clock = systemClock, timeoutMs = 2000 } = options
  const out: AvailableBackend[] = []
  if (typeof WebAssembly === 'object') {
    out.push({ backend: 'ort-wasm', threads: 1, software: false })
    const threads = wasmThreads()
    if (threads > 1) out.push({ backend: 'ort-wasm', threads, software: false })
    out.push({ backend: 'tfjs-wasm', threads: 1, software: false })
  }
  const onTimeout = () => new EngineError('timeout', 'the browser did not answer the probe')
  const gpu = await withDeadline(webgpuAdapter(), { clock, timeoutMs, onTimeout }).catch(() => undefined)
  if (gpu !== undefined) {
    out.push({ backend: 'ort-webgpu', threads: 1, software: gpu.software })
    out.push({ backend: 'tfjs-webgpu', threads: 1, software: gpu.software })
  }
  const webgl = webgl2()
  if (webgl !== undefined) out.push({ backend: 'tfjs-webgl', threads: 1, software: webgl.software })
  return out
}

/** Threads worth using: half of the logical cores (the other half is often the same core again), 2 to 4. */
export function wasmThreads(): number {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1
  return globalThis.crossOriginIsolated && cores > 1 ? Math.max(2, Math.min(4, Math.ceil(cores / 2))) : 1
}

async function webgpuAdapter(): Promise<{ software: boolean } | undefined> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null || adapter === undefined) return undefined
  const { isFallbackAdapter = false, architecture = '', description = '' } = adapter.info
  return { software: isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test(`${architecture} ${description}`) }
}

/** In a Worker TensorFlow.js draws on an OffscreenCanvas; without one there is no WebGL backend. */
function webgl2(): { software: boolean } | undefined {
  if (typeof OffscreenCanvas === 'undefined') return undefined
  const context = new OffscreenCanvas(1, 1).getContext('webgl2')
  if (context === null) return undefined
  const renderer = String(context.getParameter(context.RENDERER))
  const info = context.getExtension('WEBGL_debug_renderer_info')
  const unmasked = info === null ? '' : String(context.getParameter(info.UNMASKED_RENDERER_WEBGL))
  context.getExtension('WEBGL_lose_context')?.loseContext()
  return { software: /swiftshader|llvmpipe|softpipe|basic render/i.test(`${renderer} ${unmasked}`) }
}
