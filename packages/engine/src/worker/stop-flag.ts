/**
 * Tells a Worker's chain to stop through shared memory: a message would be heard only if the Worker went back to its event loop
 * after every session, which takes up to 0.1 ms each time. Chains of one engine run one at a time and are numbered from 1.
 */
export class StopFlag {
  /** Number of the last chain that was told to stop. */
  readonly #cell: Int32Array<SharedArrayBuffer>
  #turn = 0

  private constructor(cell: Int32Array<SharedArrayBuffer>) {
    this.#cell = cell
  }

  /** Undefined where no memory can be shared: in pages that are not cross-origin isolated. */
  static create(): StopFlag | undefined {
    if (globalThis.crossOriginIsolated !== true) return undefined
    return new StopFlag(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)))
  }

  /** For the next chain. */
  next(): ChainTurn {
    this.#turn = (this.#turn % 0x7fff_ffff) + 1
    return { cell: this.#cell, turn: this.#turn }
  }
}

/** One chain's, structured-cloneable. */
export interface ChainTurn {
  readonly cell: Int32Array<SharedArrayBuffer>
  readonly turn: number
}

export function stopChain({ cell, turn }: ChainTurn): void {
  Atomics.store(cell, 0, turn)
}

export function isStopped({ cell, turn }: ChainTurn): boolean {
  return Atomics.load(cell, 0) === turn
}
