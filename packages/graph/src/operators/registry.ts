import type { GraphNode } from '../model-graph.ts'
import { activations } from './activation.ts'
import { arithmetics } from './arithmetic.ts'
import { casts } from './cast.ts'
import { concat } from './concat.ts'
import { constants } from './constant.ts'
import { contributed } from './contrib.ts'
import { convolutions } from './conv.ts'
import { convTranspose } from './conv-transpose.ts'
import { depthSpace } from './depth-to-space.ts'
import { expands } from './expand.ts'
import { gathers } from './gather.ts'
import { gemm } from './gemm.ts'
import { matmuls } from './matmul.ts'
import { normalizations } from './normalization.ts'
import type { Operator } from './operator.ts'
import { pad } from './pad.ts'
import { pools } from './pool.ts'
import { quantisers } from './quantise.ts'
import { reductions } from './reduce.ts'
import { reshapes } from './reshape.ts'
import { resizes } from './resize.ts'
import { slice } from './slice.ts'
import { softmaxes } from './softmax.ts'
import { split } from './split.ts'
import { squeezes } from './squeeze.ts'
import { transpose } from './transpose.ts'

const key = (domain: string, op: string) => `${domain}:${op}`

const REGISTRY: ReadonlyMap<string, Operator> = new Map(
  [
    ...[...activations, ...arithmetics, ...casts, concat, ...constants, ...contributed, ...convolutions, convTranspose],
    ...[...depthSpace, ...expands, ...gathers, gemm, ...matmuls, ...normalizations, pad, ...pools, ...quantisers],
    ...[...reductions, ...reshapes, ...resizes, slice, ...softmaxes, split, ...squeezes, transpose],
  ].map((operator) => [key(operator.domain ?? '', operator.op), operator]),
)

/** The rules of a node's operator, or undefined for operators that are not known here. */
export const operatorOf = (node: GraphNode): Operator | undefined => REGISTRY.get(key(node.domain, node.op))

/** Names of all operators known here, for documentation and error messages. */
export const knownOperators = (): string[] => [...REGISTRY.values()].map((operator) => operator.op).sort()
