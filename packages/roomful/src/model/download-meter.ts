import type { PackageSource } from '@roomful/model'

/** Counts the weight bytes that came over the network, for plans of one's own and of others alike. */
export class DownloadMeter {
  readonly #onChange: (bytes: number) => void
  #bytes = 0

  constructor(onChange: (bytes: number) => void) {
    this.#onChange = onChange
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The same source; what it gives of weights is counted. */
  count(source: PackageSource): PackageSource {
    return {
      read: (name, maxBytes, signal) => source.read(name, maxBytes, signal),
      chunks: (name, bytes) => {
        const chunks = source.chunks(name, bytes)
        return {
          read: async (range, signal) => {
            const part = await chunks.read(range, signal)
            this.#bytes += part.length
            this.#onChange(this.#bytes)
            return part
          },
        }
      },
    }
  }
}
