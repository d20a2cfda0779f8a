import type { Limits } from './limits.ts'

/** Counts open connections, in all and per address; `open` returns the undo, or undefined when there are too many. */
export class ConnectionCounter {
  readonly #limits: Pick<Limits, 'maxConnections' | 'maxConnectionsPerAddress'>
  readonly #perAddress = new Map<string, number>()
  #all = 0

  constructor(limits: Pick<Limits, 'maxConnections' | 'maxConnectionsPerAddress'>) {
    this.#limits = limits
  }

  open(address: string): (() => void) | undefined {
    const held = this.#perAddress.get(address) ?? 0
    if (this.#all >= this.#limits.maxConnections || held >= this.#limits.maxConnectionsPerAddress) return undefined
    this.#all++
    this.#perAddress.set(address, held + 1)
    return () => {
      this.#all--
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left === 0) this.#perAddress.delete(address)
      else this.#perAddress.set(address, left)
    }
  }
}
