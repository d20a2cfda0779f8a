import type { Range, TensorName } from '@roomful/core'
import type { GraphAnalysis } from './analysis.ts'
import { rowRanges, type TileNode, tileableVolume } from './volume.ts'

/** What the rows of a volume's output cost, without building the tile. */
export interface TileGeometry {
  /** Rows of `from` that are read, halo included. */
  readonly inputRows: Range
  readonly nodes: readonly TileNode[]
  /** Multiply-accumulates, redundant rows included. */
  readonly macs: number
}

/** The row rules of one volume, ready to be asked many times. */
export interface VolumeGeometry {
  readonly inputHeight: number
  readonly outputHeight: number
  /** @throws GraphError `not-tileable` for rows that do not exist */
  rows(range: Range): TileGeometry
}

/** @throws GraphError `not-tileable`, naming the node; `unknown-tensor`; `not-separating` */
export function volumeGeometry(analysis: GraphAnalysis, from: TensorName, to: TensorName): VolumeGeometry {
  const volume = tileableVolume(analysis, from, to)
  return {
    inputHeight: volume.slots[0]?.layout.height ?? 0,
    outputHeight: volume.slots[volume.target]?.layout.height ?? 0,
    rows(range) {
      const { kept, produced } = rowRanges(volume, range)
      let macs = 0
      const nodes = volume.steps.map((step, index): TileNode => {
        const rows = produced[index] ?? range
        const count = rows.end - rows.start
        const own = step.macsPerRow * count
        macs += own
        const { node, kind } = step.analysis
        return { node: node.label, kind, rows, macs: own, bytes: step.bytesPerRow * count }
      })
      return { inputRows: kept[0] ?? range, nodes, macs }
    },
  }
}

/** `volumeGeometry(...).rows(rows)`; the volume's rules are remembered per analysis. */
export const tileGeometry = (analysis: GraphAnalysis, from: TensorName, to: TensorName, rows: Range): TileGeometry =>
  volumeGeometry(analysis, from, to).rows(rows)
