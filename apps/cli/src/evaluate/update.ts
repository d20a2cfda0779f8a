import { FINAL_EXIT } from '@roomful/core'
import { checkManifest, type Manifest } from '@roomful/model'
import type { Evaluation } from './evaluate.ts'
import { round6 } from './tally.ts'

/**
 * The manifest with measured accuracies in their places. An evaluation of wire variants fills those in, one without fills
 * in exits, trunk and policy: the first costs many runs per picture and is often made on fewer pictures. `measured` says on
 * what and on how many; on fewer pictures than the final classifier's own accuracy, a variant's is that accuracy less what
 * the variant lost on those pictures, so that the two can be compared. The model's digest does not change.
 * @throws ModelError `manifest` when the result is no manifest
 */
export function withMeasured(manifest: Manifest, evaluation: Evaluation, data: string): Promise<Manifest> {
  const { images, policy } = evaluation
  const final = evaluation.exits.find((exit) => exit.name === FINAL_EXIT)?.top1
  if (evaluation.wire.length > 0) {
    const shift = manifest.final.top1 === undefined || final === undefined ? 0 : manifest.final.top1 - final
    const share = (value: number) => round6(Math.min(1, Math.max(0, value + shift)))
    const wire = new Map(
      evaluation.wire.map(({ partitionPoint, variant, top1: measuredTop1, sentBytes }) => {
        return [`${partitionPoint}\n${variant}`, { sentBytes, top1: share(measuredTop1) }] as const
      }),
    )
    const partitionPoints = manifest.partitionPoints.map((point) => ({
      ...point,
      variants: point.variants.map((variant) => ({
        ...variant,
        ...wire.get(`${point.tensor}\n${variant.name}`),
      })),
    }))
    const measured = { ...manifest.measured, wire: { data, images, final } }
    return checkManifest({ ...manifest, partitionPoints, measured })
  }
  const exits = new Map(evaluation.exits.map((exit) => [exit.name, exit.top1]))
  const trunks = new Map(evaluation.trunks.map((trunk) => [trunk.name, trunk.top1]))
  return checkManifest({
    ...manifest,
    trunks: manifest.trunks.map((trunk) => ({ ...trunk, ...top1(trunks.get(trunk.name)) })),
    exits: manifest.exits.map((exit) => ({ ...exit, ...top1(exits.get(exit.name)) })),
    final: { ...manifest.final, ...top1(final) },
    measured: { ...manifest.measured, data, images, policy },
  })
}

const top1 = (value: number | undefined) => (value === undefined ? {} : { top1: value })
