import * as v from 'valibot'
import { packageDigest } from '../digest.ts'
import { ModelError } from '../error.ts'
import { CHUNK_BYTES, type Manifest, type ManifestFiles, ManifestSchema } from './schema.ts'

/** Largest model.json that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 8 << 20

/**
 * A manifest from untrusted data. Checks the form, then that the parts agree: chunk counts, digest, unique names, exits on
 * partition points in order, sizes of the operating curve.
 * @throws ModelError `manifest`, naming the key
 */
export async function checkManifest(value: unknown): Promise<Manifest> {
  const parsed = v.safeParse(ManifestSchema, value)
  if (!parsed.success) {
    const issue = parsed.issues[0]
    const where = v.getDotPath(issue) ?? '(root)'
    throw refuse(issue.expected === 'never' ? `unknown key ${where}` : `${where}: ${issue.message}`)
  }
  const manifest = parsed.output
  checkFiles(manifest.files, 'files')
  for (const trunk of manifest.trunks) {
    if (trunk.files !== undefined) checkFiles(trunk.files, `trunk ${trunk.name}`)
  }
  if (manifest.trunks[0]?.name !== 'main') throw refuse('the first trunk must be named main')
  unique(
    'trunk',
    manifest.trunks.map((trunk) => trunk.name),
  )
  unique('exit', [...manifest.exits.map((exit) => exit.name), 'final'])
  unique(
    'partition point',
    manifest.partitionPoints.map((point) => point.tensor),
  )
  for (const point of manifest.partitionPoints) {
    unique(
      `variant of ${point.tensor}`,
      point.variants.map((variant) => variant.name),
    )
  }
  checkExits(manifest)
  const digest = await packageDigest(manifest.files.graph.sha256, manifest.files.weights.sha256)
  if (digest !== manifest.digest) throw refuse(`digest: must be ${digest}, as its files say`)
  return manifest
}

function checkFiles(files: ManifestFiles, where: string): void {
  const wanted = Math.ceil(files.weights.bytes / CHUNK_BYTES)
  if (files.weights.chunks.length !== wanted) {
    throw refuse(
      `${where}: ${files.weights.bytes} bytes of weights need ${wanted} chunks, not ${files.weights.chunks.length}`,
    )
  }
}

function checkExits(manifest: Manifest): void {
  const order = new Map(manifest.partitionPoints.map((point, index) => [point.tensor, index]))
  let previous = -1
  for (const exit of manifest.exits) {
    const index = order.get(exit.from)
    if (index === undefined) throw refuse(`exit ${exit.name}: ${exit.from} is no partition point`)
    if (index < previous) throw refuse(`exit ${exit.name}: exits must be in the order of the network`)
    previous = index
  }
  for (const [index, point] of manifest.operatingCurve.entries()) {
    if (point.thresholds.length !== manifest.exits.length || point.exitShares.length !== manifest.exits.length + 1) {
      throw refuse(
        `operatingCurve.${index}: needs a threshold for each exit and a share for each exit and the final one`,
      )
    }
  }
}

function unique(what: string, names: readonly string[]): void {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) throw refuse(`two of ${what} are named ${name}`)
    seen.add(name)
  }
}

function refuse(what: string): ModelError {
  return new ModelError('manifest', `model.json: ${what}`)
}

/** model.json's bytes as a checked manifest. @throws ModelError `manifest` or `too-large` */
export async function parseManifest(bytes: Uint8Array): Promise<Manifest> {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new ModelError('too-large', `model.json: ${bytes.length} bytes; at most ${MAX_MANIFEST_BYTES} are read`)
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new ModelError('manifest', 'model.json: not JSON', { cause })
  }
  return checkManifest(value)
}

/** model.json's text: one line per value, so that changes can be read. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 1)}\n`
}
