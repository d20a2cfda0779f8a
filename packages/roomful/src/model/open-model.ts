import { modelDigest } from '@roomful/core'
import { httpSource, type ModelPackage, type PackageSource } from '@roomful/model'
import type { PackageLibrary } from '@roomful/runtime'
import type { ModelOutline, Planning, TrunkGraphs } from '../plan/planning.ts'
import { RoomfulError } from '../session.ts'
import type { ModelView, SegmentView } from '../snapshot.ts'
import { prepareDropped } from './prepare-dropped.ts'

/** A model as the session holds it. `url`: where others can fetch the package; absent for dropped files. */
export interface OpenedModel {
  readonly pack: ModelPackage
  readonly outline: ModelOutline
  readonly url?: string
}

/**
 * Opens a package folder by URL, or makes a package of a dropped ONNX file, and puts it into the library. What is fetched of
 * its weights, now or later, goes through `counted`.
 * @throws RoomfulError `bad-model` with the reason; `signal.reason`
 */
export async function openModel(
  library: PackageLibrary,
  planning: Planning,
  source: string | Uint8Array | Blob,
  name: string | undefined,
  signal: AbortSignal | undefined,
  counted: (source: PackageSource) => PackageSource,
): Promise<OpenedModel> {
  try {
    const files = typeof source === 'string' ? counted(pageSource(source)) : await prepareDropped(source, name, signal)
    const pack = (await library.add(files, signal)).package
    const outline = await planning.open(pack.manifest, pack.graphBytes, await trunkGraphs(pack, signal))
    signal?.throwIfAborted()
    // Others read it: relative to this page it means nothing to them.
    return { pack, outline, ...(typeof source === 'string' ? { url: new URL(source, location.href).href } : {}) }
  } catch (cause) {
    signal?.throwIfAborted()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new RoomfulError('bad-model', `This model cannot be used: ${why}`, { cause })
  }
}

async function trunkGraphs(pack: ModelPackage, signal: AbortSignal | undefined): Promise<TrunkGraphs> {
  const graphs: Record<string, Uint8Array> = {}
  for (const { name, files } of pack.manifest.trunks.slice(1)) {
    if (files !== undefined) graphs[name] = await pack.file(files.graph, signal)
  }
  return graphs
}

const pageSource = (url: string): PackageSource => httpSource(url, (address, init) => fetch(address, init))

/**
 * Another device's package, looked for at the same path of this page's own server: a peer must not make this device fetch
 * from anywhere else, and in one room the same server has several addresses (localhost, the LAN's). What is found counts
 * only under its digest; what is not comes from the peer.
 */
export function ownOriginSource(url: string): PackageSource {
  return pageSource(ownOriginUrl(url))
}

export const ownOriginUrl = (url: string): string => new URL(new URL(url).pathname, location.origin).href

/** What the page shows of a model. */
export function modelView({ pack, outline }: OpenedModel, downloadedBytes: number): ModelView {
  const { manifest } = pack
  const segments = segmentViews(outline)
  return {
    name: manifest.name,
    digest: modelDigest(manifest.digest),
    labels: manifest.labels,
    width: manifest.input.width,
    height: manifest.input.height,
    macs: segments.reduce((sum, segment) => sum + segment.macs, 0),
    segments,
    exits: manifest.exits.map(({ name, from, macs, threshold }) => ({ name, at: from, macs, threshold })),
    downloadedBytes,
    totalBytes: manifest.files.weights.bytes,
  }
}

/** Steps without multiply-accumulates (an activation before an exit) are shown with the layers before them. */
function segmentViews({ points, segments }: ModelOutline): SegmentView[] {
  const views: SegmentView[] = []
  let macs = 0
  for (const [index, segment] of segments.entries()) {
    const end = points[index + 1]
    macs += segment.macs
    if (end === undefined || segments[index + 1]?.macs === 0) continue
    views.push({ to: end.tensor, macs, shape: end.shape, bytes: end.elements * 4 })
    macs = 0
  }
  return views
}
