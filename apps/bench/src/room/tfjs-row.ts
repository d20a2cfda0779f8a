import type { Plan } from '@roomful/core'
import type { EmulatedRoom } from './emulated-room.ts'
import type { MethodPlan } from './methods.ts'

/** Times of TensorFlow.js on software WebGL over those of ONNX Runtime on the same share (19 x was measured at 0.2 cores). */
const SOFTWARE_FACTOR = 20

/**
 * The local plan on TensorFlow.js: its WebGL backend where the initiator's browser draws WebGL, be it in software. (The page
 * ships TensorFlow.js for GPUs only.)
 */
export async function tfjsPlan(
  room: EmulatedRoom,
  plans: readonly MethodPlan[],
  budgetMs: number,
): Promise<{ readonly plan?: MethodPlan; readonly note?: string }> {
  const local = plans.find(({ method }) => method === 'local')?.plan
  const renderer = await room.initiator.page.evaluate(() => {
    const context = new OffscreenCanvas(1, 1).getContext('webgl2')
    const info = context?.getExtension('WEBGL_debug_renderer_info')
    return context === null
      ? undefined
      : String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER))
  })
  if (local === undefined) return { note: 'tfjs alone: not measured (the initiator has no plan alone)' }
  if (renderer === undefined) return { note: 'tfjs alone: not measured (this browser has neither WebGL nor WebGPU)' }
  if (local.predicted.fullMs * SOFTWARE_FACTOR > budgetMs) {
    return { note: `tfjs alone: not measured in a short run (WebGL by ${renderer} would take seconds a picture)` }
  }
  const plan: Plan = {
    ...local,
    method: 'tfjs',
    volumes: local.volumes.map((volume) => ({
      ...volume,
      shards: volume.shards.map((shard) => ({ ...shard, backend: 'tfjs-webgl' as const })),
    })),
  }
  return { plan: { method: 'tfjs', plan, cache: false, once: true }, note: `tfjs alone runs on WebGL by ${renderer}` }
}
