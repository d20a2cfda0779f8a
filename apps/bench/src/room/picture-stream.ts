import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Random, shuffled } from '@roomful/core'
import { generatedPicture, packPictures, type RgbaPicture, SHARED_DATA } from '../../../../e2e/rig/pictures.ts'

export interface BenchPictures {
  readonly pictures: readonly RgbaPicture[]
  /** The right answers, in the same order; absent for generated pictures. */
  readonly labels?: readonly number[]
}

/** Validation packs by the model's folder name. */
const PACKS: Readonly<Record<string, string>> = {
  'models/imagenette': 'imagenette160/val.jpegpack',
  'models/handsigns': 'handsigns96/val.jpegpack',
}

/** Validation pictures of the model where the shared data are at hand, generated ones elsewhere. */
export function benchPictures(model: string, count: number): BenchPictures {
  const pack = PACKS[model]
  const file = pack === undefined || SHARED_DATA === undefined ? undefined : path.join(SHARED_DATA, pack)
  if (file === undefined || !existsSync(file)) {
    return { pictures: Array.from({ length: count }, (_, seed) => generatedPicture(seed)) }
  }
  const entries = packPictures(file, count)
  return { pictures: entries.map(({ picture }) => picture), labels: entries.map(({ label }) => label) }
}

/**
 * The order in which one block shows its pictures, the same for every method of the block: each of `fresh` once, and
 * after it with probability `repeats / (1 - repeats)` one of those already shown.
 */
export function blockStream(fresh: readonly number[], repeats: number, random: Random): number[] {
  const stream: number[] = []
  const shown: number[] = []
  for (const picture of shuffled(fresh, random)) {
    stream.push(picture)
    shown.push(picture)
    const expected = repeats / (1 - Math.min(repeats, 0.95))
    for (let again = expected; again > 0; again--) {
      if (random.next() < again) stream.push(shown[random.int(shown.length)] ?? picture)
    }
  }
  return stream
}
