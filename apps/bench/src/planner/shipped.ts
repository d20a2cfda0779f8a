import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { analyse, readModel } from '@roomful/graph'
import { parseManifest } from '@roomful/model'
import { type PlannableModel, plannableModel, planWith, readRoom } from '@roomful/planner'

export async function shippedModel(folder: string): Promise<PlannableModel | undefined> {
  if (!existsSync(path.join(folder, 'model.json'))) return undefined
  const manifest = await parseManifest(new Uint8Array(readFileSync(path.join(folder, 'model.json'))))
  const analysisOf = (file: string) => analyse(readModel(new Uint8Array(readFileSync(path.join(folder, file)))))
  const trunks = new Map(
    manifest.trunks.slice(1).flatMap(({ name, files }) => (files ? [[name, analysisOf(files.graph.path)]] : [])),
  )
  return plannableModel(analysisOf(manifest.files.graph.path), { manifest, trunks })
}

export interface CompressAndCut {
  readonly model: string
  readonly pair: string
  readonly mbitPerSecond: number
  readonly deviceOnlyMs: number
  /** The input tensor as float32, which is what the runtime sends where no loss at all is allowed. */
  readonly rawTensorMs: number
  /** The picture as the camera gives it: `CAMERA` pixels, 8 bits RGB, unpacked. */
  readonly rawCameraMs: number
  /** The picture's pixels at the network's size, 8 bits RGB: what is left of it after the phone has scaled it down. */
  readonly rawPictureMs: number
  readonly jpegRemoteMs: number
  /** One cut, float32. */
  readonly partitionOnlyMs: number
  /** The device alone with everything that the package has of exits and compressed trunks. */
  readonly compressionOnlyMs: number
  /** The best cut in the best wire format or bottleneck of the package, without exits. */
  readonly compressAndCutMs: number
  /** Cuts, wire formats, JPEG and exits together. */
  readonly autoMs: number
}

/** A weak phone beside two helpers. */
export const PAIRS = [
  { pair: 'laptop', gmacsPerSecond: 12, rttMs: 10 },
  { pair: 'desktop', gmacsPerSecond: 60, rttMs: 4 },
] as const
/** What the page asks the camera for. */
export const CAMERA = { width: 640, height: 480 } as const
const PHONE = { id: 'phone', gmacsPerSecond: 0.5, overheadMs: 0.5 }
const RATES = [5, 10, 20] as const

export async function compressAndCut(name: string, model: PlannableModel): Promise<CompressAndCut[]> {
  const out: CompressAndCut[] = []
  for (const { pair, gmacsPerSecond, rttMs } of PAIRS) {
    for (const mbitPerSecond of RATES) {
      const room = readRoom({
        initiator: 'phone',
        devices: [PHONE, { id: pair, gmacsPerSecond, overheadMs: 0.5 }],
        links: [{ a: 'phone', b: pair, mbitPerSecond, rttMs }],
      })
      const alone = readRoom({ initiator: 'phone', devices: [PHONE] })
      const ms = async (method: string, limits = {}, { topology, predictor } = room) => {
        const all = { maxAccuracyLoss: 0.02, ...limits }
        const result = await planWith(method, model, topology, predictor, all)
        return result.ok ? result.plan.predicted.latencyMs : Number.NaN
      }
      const bytes = model.picture.pixels * 3
      const [phone, helper] = room.topology.devices
      const link = phone === undefined || helper === undefined ? undefined : room.predictor.link(phone.id, helper.id)
      const rawTensorMs = await ms('offload', { maxAccuracyLoss: 0 })
      const messageMs = (size: number) => link?.messageMs(size) ?? Number.NaN
      const tensorMs = messageMs((bytes * model.picture.tensorBits) / 8)
      out.push({
        model: name,
        pair,
        mbitPerSecond,
        deviceOnlyMs: await ms('local', { exits: false }),
        rawTensorMs,
        rawCameraMs: rawTensorMs - tensorMs + messageMs(CAMERA.width * CAMERA.height * 3),
        rawPictureMs: rawTensorMs - tensorMs + messageMs(bytes),
        jpegRemoteMs: await ms('offload'),
        partitionOnlyMs: await ms('neurosurgeon', { wire: { bits: 32, entropy: 'none' } }),
        compressionOnlyMs: await ms('auto', {}, alone),
        compressAndCutMs: await ms('ecnu'),
        autoMs: await ms('auto'),
      })
    }
  }
  return out
}
