import { FINAL_EXIT } from '@roomful/core'
import { checkManifest, type Manifest } from '@roomful/model'
import type { Evaluation } from './evaluate.ts'

/**
 * The manifest with measured accuracies in their places. An evaluation of wire variants fills those in, one without fills
 * in exits, trunk and policy: the first costs many runs per picture and is often made on fewer pictures. `measured` says on
 * what and on how many. The model's digest does not change.
 * @throws ModelError `manifest` when the result is no manifest
 */
export function withMeasured(manifest: Manifest, evaluation: Evaluation, data: string): Promise<Manifest> {
  const { images, policy } = evaluation
  const final = evaluation.exits.find((exit) => exit.name === FINAL_EXIT)?.top1
  if (evaluation.wire.length > 0) {
    const wire = new Map(evaluation.wire.map((row) => [`${row.partitionPoint}\n${row.variant}`, row.top1]))
    const partitionPoints = manifest.partitionPoints.map((point) => ({
      ...point,
      variants: point.variants.map((variant) => ({
        ...variant,
        ...top1(wire.get(`${point.tensor}\n${variant.name}`)),
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
