import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Backend, ExitPlacement } from '@roomful/core'
import { analyse, readModel } from '@roomful/graph'
import { parseManifest } from '@roomful/model'
import { type PlannableModel, plannableModel, planWith, predictPlan, readRoom } from '@roomful/planner'

/** A phone with two processors: WebGPU pays a read-back at each run, WASM starts at once. */
export const TWO_PROCESSORS = {
  backends: [
    { backend: 'ort-webgpu', gmacsPerSecond: 6, overheadMs: 3 },
    { backend: 'ort-wasm', gmacsPerSecond: 2, overheadMs: 0.3 },
  ],
} as const

export async function shippedModel(folder: string): Promise<PlannableModel | undefined> {
  if (!existsSync(path.join(folder, 'model.json'))) return undefined
  const manifest = await parseManifest(new Uint8Array(readFileSync(path.join(folder, 'model.json'))))
  const graph = readModel(new Uint8Array(readFileSync(path.join(folder, manifest.files.graph.path))))
  return plannableModel(analyse(graph), { manifest })
}

export interface HardSamples {
  readonly cpuMs: number
  readonly gpuMs: number
  readonly ciahpMs: number
}

/** Latency of a sample that takes no exit: trunk and all exits on the CPU, all on the GPU, and placed by `ciahp`. */
export async function hardSamples(model: PlannableModel): Promise<HardSamples | undefined> {
  const room = readRoom({ initiator: 'phone', devices: [{ id: 'phone', ...TWO_PROCESSORS }] })
  const placed = await planWith('ciahp', model, room.topology, room.predictor, { maxAccuracyLoss: 0.02 })
  if (!placed.ok) return undefined
  const { plan } = placed
  const alone = (backend: Backend): number => {
    const volumes = plan.volumes.map((volume) => ({
      ...volume,
      shards: volume.shards.map((shard) => ({ ...shard, backend })),
    }))
    const exits = model.exits.map(({ name, threshold }): ExitPlacement => {
      return { exit: name, device: room.topology.initiator, backend, threshold, mode: 'race' }
    })
    const timeline = predictPlan({ ...plan, volumes, exits }, model, room.topology, room.predictor)
    return timeline?.fullMs ?? Number.NaN
  }
  return { gpuMs: alone('ort-webgpu'), cpuMs: alone('ort-wasm'), ciahpMs: plan.predicted.fullMs }
}

export interface CompressAndCut {
  readonly mbitPerSecond: number
  readonly deviceOnlyMs: number
  readonly rawRemoteMs: number
  readonly jpegRemoteMs: number
  readonly partitionOnlyMs: number
  /** The best cut in the best wire format or bottleneck of the package, without exits. */
  readonly compressAndCutMs: number
  readonly autoMs: number
}

/** A weak phone (0.5 GMAC/s) beside a laptop (12 GMAC/s) at 10 ms of round trip. */
export async function compressAndCut(model: PlannableModel): Promise<CompressAndCut[]> {
  const out: CompressAndCut[] = []
  for (const mbitPerSecond of [5, 10, 20]) {
    const room = readRoom({
      initiator: 'phone',
      devices: [
        { id: 'phone', gmacsPerSecond: 0.5, overheadMs: 0.5 },
        { id: 'laptop', gmacsPerSecond: 12, overheadMs: 0.5 },
      ],
      links: [{ a: 'phone', b: 'laptop', mbitPerSecond, rttMs: 10 }],
    })
    const ms = async (method: string, limits = {}) => {
      const result = await planWith(method, model, room.topology, room.predictor, { maxAccuracyLoss: 0.02, ...limits })
      return result.ok ? result.plan.predicted.latencyMs : Number.NaN
    }
    const bytes = model.picture.pixels * 3
    const laptopMs = model.segments.reduce((sum, segment) => sum + segment.macs, 0) / 12e6 + 0.5
    const [phone, laptop] = room.topology.devices
    const link = phone === undefined || laptop === undefined ? undefined : room.predictor.link(phone.id, laptop.id)
    out.push({
      mbitPerSecond,
      deviceOnlyMs: await ms('local', { exits: false }),
      rawRemoteMs: (link?.messageMs(bytes) ?? Number.NaN) + laptopMs + (link?.messageMs(40) ?? 0),
      jpegRemoteMs: await ms('offload'),
      partitionOnlyMs: await ms('neurosurgeon', { wire: { bits: 32, entropy: 'none' } }),
      compressAndCutMs: await ms('ecnu'),
      autoMs: await ms('auto'),
    })
  }
  return out
}
