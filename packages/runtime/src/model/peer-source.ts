import type { DeviceId, ModelDigest } from '@roomful/core'
import { type ChunkSource, ModelError, type PackageSource } from '@roomful/model'
import type { Room } from '@roomful/transport'
import { RuntimeError } from '../error.ts'
import type { PackageModel } from './package-model.ts'

/** Longest wait for one piece of a model from a peer. */
const TIMEOUT_MS = 30_000

/** The package of a model that another device of the room holds: manifest, graph and ranges of weights over the link. */
export function peerSource(room: Room, device: DeviceId, digest: ModelDigest): PackageSource {
  let asked: Promise<readonly Uint8Array[]> | undefined
  const model = (signal?: AbortSignal) => {
    asked ??= room
      .request(device, 'model', { digest }, { timeoutMs: TIMEOUT_MS, priority: 'bulk', signal })
      .then(({ blobs = [] }) => blobs)
    asked.catch(() => {
      asked = undefined
    })
    return asked
  }
  const chunks: ChunkSource = {
    async read({ start, end }, signal) {
      const options = { timeoutMs: TIMEOUT_MS, priority: 'bulk' as const, signal }
      const { blobs = [] } = await room.request(device, 'weights', { digest, start, end }, options)
      const [bytes] = blobs
      if (bytes === undefined) throw new ModelError('network', `${device} sent no weights`)
      return bytes
    },
  }
  return {
    async read(name, maxBytes, signal) {
      const [manifest, graph] = await model(signal)
      const bytes = name === 'model.json' ? manifest : graph
      if (bytes === undefined) throw new ModelError('network', `${device} does not hold model ${digest}`)
      if (bytes.length > maxBytes) throw new ModelError('too-large', `${name} of ${device}: ${bytes.length} bytes`)
      return bytes
    },
    chunks: () => chunks,
  }
}

/** Serves the models that `held` knows to the room. Returns an undo. */
export function serveModels(
  room: Room,
  held: (digest: ModelDigest) => Promise<Pick<PackageModel, 'package'> | undefined>,
): () => void {
  const find = async (digest: ModelDigest) => {
    const model = await held(digest)
    if (model === undefined) throw new RuntimeError('bad-plan', `model ${digest} is not on this device`)
    return model.package
  }
  const undo = [
    room.handle('model', async ({ digest }) => {
      const { manifestBytes, graphBytes } = await find(digest)
      return { blobs: [manifestBytes, graphBytes] }
    }),
    room.handle('weights', async ({ digest, start, end }, { signal }) => {
      const { weights } = await find(digest)
      return { blobs: [await weights.read({ start, end }, signal)] }
    }),
  ]
  return () => {
    for (const one of undo) one()
  }
}
