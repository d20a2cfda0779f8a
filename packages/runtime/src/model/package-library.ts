import { type DeviceId, errorText, type ModelDigest } from '@roomful/core'
import { ModelPackage, type OpenOptions, type PackageSource } from '@roomful/model'
import { RuntimeError } from '../error.ts'
import { PackageModel } from './package-model.ts'
import type { ModelLibrary, StagedModel } from './staged-model.ts'

export interface PackageLibraryOptions {
  /** Package folder behind a URL (`httpSource` with the page's fetch). Without it only peers are asked. */
  readonly http?: (url: string) => PackageSource
  /** Package of a device that holds the model (`peerSource`). */
  readonly peer?: (device: DeviceId, digest: ModelDigest) => PackageSource
  readonly open?: OpenOptions
  /** Models kept open at once; the longest unused is forgotten. Default 4. */
  readonly limit?: number
}

/**
 * Model packages by digest: those that were loaded here, those at a URL, those of a peer. What comes under a digest is
 * refused when its manifest says another one.
 */
export class PackageLibrary implements ModelLibrary {
  readonly #o: PackageLibraryOptions
  readonly #models = new Map<ModelDigest, Promise<PackageModel>>()

  constructor(options: PackageLibraryOptions = {}) {
    this.#o = options
  }

  /** Makes a package known; what `loadModel` has read. */
  async add(source: PackageSource, signal?: AbortSignal): Promise<PackageModel> {
    const model = await this.#read(source, signal)
    this.#keep(model.digest, Promise.resolve(model))
    return model
  }

  /** The model if it is open here, for serving it to peers. */
  async held(digest: ModelDigest): Promise<PackageModel | undefined> {
    return this.#models.get(digest)?.catch(() => undefined)
  }

  async open(
    digest: ModelDigest,
    hints: { readonly askFrom?: DeviceId; readonly manifestUrl?: string },
    signal?: AbortSignal,
  ): Promise<StagedModel> {
    const known = this.#models.get(digest)
    if (known !== undefined) {
      this.#keep(digest, known)
      return known
    }
    const opening = this.#find(digest, hints, signal)
    this.#keep(digest, opening)
    opening.catch(() => {
      if (this.#models.get(digest) === opening) this.#models.delete(digest)
    })
    return opening
  }

  async #find(
    digest: ModelDigest,
    { askFrom, manifestUrl }: { readonly askFrom?: DeviceId; readonly manifestUrl?: string },
    signal: AbortSignal | undefined,
  ): Promise<PackageModel> {
    const { http, peer } = this.#o
    const sources: PackageSource[] = []
    if (http !== undefined && manifestUrl !== undefined) sources.push(http(manifestUrl))
    if (peer !== undefined && askFrom !== undefined) sources.push(peer(askFrom, digest))
    let why: unknown
    for (const source of sources) {
      try {
        const model = await this.#read(source, signal)
        if (model.digest === digest) return model
        why = new RuntimeError('bad-plan', `the package there is model ${model.digest}, not ${digest}`)
      } catch (error) {
        signal?.throwIfAborted()
        why = error
      }
    }
    const detail = why === undefined ? 'nobody to ask for it' : errorText(why)
    throw new RuntimeError('prepare-failed', `model ${digest} cannot be had here: ${detail}`, { cause: why })
  }

  async #read(source: PackageSource, signal: AbortSignal | undefined): Promise<PackageModel> {
    const pkg = await ModelPackage.open(source, { ...this.#o.open, ...(signal === undefined ? {} : { signal }) })
    return PackageModel.of(pkg, source, signal)
  }

  #keep(digest: ModelDigest, model: Promise<PackageModel>): void {
    this.#models.delete(digest)
    this.#models.set(digest, model)
    for (const oldest of this.#models.keys()) {
      if (this.#models.size <= (this.#o.limit ?? 4)) break
      this.#models.delete(oldest)
    }
  }
}
