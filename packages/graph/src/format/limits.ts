/** Bounds on what a file may make the reader allocate. Public CNNs stay below a hundredth of each. */
export const MAX_MESSAGES = 500_000
export const MAX_FIELDS = 5_000_000
export const MAX_NODES = 100_000
/** Elements of one tensor, dimensions multiplied. */
export const MAX_ELEMENTS = 2 ** 36
export const MAX_RANK = 32
/** Sub-graphs inside attributes (If in If ...). */
export const MAX_SUBGRAPH_DEPTH = 8
