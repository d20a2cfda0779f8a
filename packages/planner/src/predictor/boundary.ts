/** What crosses the border of one session run; values of 4 bytes, all inputs and all outputs together. */
export interface RunBoundary {
  readonly inputElements: number
  readonly outputElements: number
}

/** Values above this many no longer stay in the caches between the copy and the kernel. */
const CACHED_ELEMENTS = 250_000

/** ms per value: copied in, read back, and what either costs more beyond the caches. */
export interface BoundaryCosts {
  readonly input: number
  readonly output: number
  readonly largeInput: number
  readonly largeOutput: number
}

export const BOUNDARY_FREE: BoundaryCosts = { input: 0, output: 0, largeInput: 0, largeOutput: 0 }

/** The quantities that the costs multiply, in the order of BoundaryCosts. */
export function boundaryFeatures({ inputElements, outputElements }: RunBoundary): [number, number, number, number] {
  return [
    inputElements,
    outputElements,
    Math.max(0, inputElements - CACHED_ELEMENTS),
    Math.max(0, outputElements - CACHED_ELEMENTS),
  ]
}

export function boundaryMs(costs: BoundaryCosts, inputElements: number, outputElements: number): number {
  // Called for every shard that a search looks at: no array is made here.
  return (
    costs.input * inputElements +
    costs.output * outputElements +
    costs.largeInput * Math.max(0, inputElements - CACHED_ELEMENTS) +
    costs.largeOutput * Math.max(0, outputElements - CACHED_ELEMENTS)
  )
}
