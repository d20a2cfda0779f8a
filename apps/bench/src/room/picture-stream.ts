import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { type Random, shuffled } from '@roomful/core'
import {
  generatedPicture,
  lazyPicture,
  packPictures,
  pictureFile,
  type RgbaPicture,
  SHARED_DATA,
} from '../../../../e2e/rig/pictures.ts'

export interface BenchPictures {
  /** As many as were asked for: the first `distinct` ones, again and again where there are fewer. */
  readonly pictures: readonly RgbaPicture[]
  readonly distinct: number
  /** The right answers, in the same order; absent for generated pictures. */
  readonly labels?: readonly number[]
}

/** Validation packs by the model's folder name. */
const PACKS: Readonly<Record<string, string>> = {
  'models/imagenette': 'imagenette160/val.jpegpack',
  'models/handsigns': 'handsigns96/val.jpegpack',
}

/** The same pictures in an order drawn from the seed, so that every stretch of them is of all classes. */
export function shuffledPictures({ pictures, distinct, labels }: BenchPictures, random: Random): BenchPictures {
  const order = shuffled([...Array(distinct).keys()], random)
  const at = Array.from({ length: pictures.length }, (_, index) => order[index % order.length] ?? 0)
  return {
    pictures: at.flatMap((index) => pictures[index] ?? []),
    distinct,
    ...(labels === undefined ? {} : { labels: at.flatMap((index) => labels[index] ?? []) }),
  }
}

/** What nets without a pack of their own are shown: photographs whose labels are not theirs. */
const PHOTOGRAPHS = 'imagenette160/val.jpegpack'

/** Validation pictures of the model where the shared data are at hand, generated ones elsewhere. */
export function benchPictures(model: string, count: number): BenchPictures {
  const pack = PACKS[model] ?? PHOTOGRAPHS
  const file = SHARED_DATA === undefined ? undefined : path.join(SHARED_DATA, pack)
  if (file === undefined || !existsSync(file)) {
    return {
      pictures: Array.from({ length: count }, (_, seed) => lazyPicture(() => generatedPicture(seed))),
      distinct: count,
    }
  }
  const read = packPictures(file, count)
  if (read.length === 0) throw new Error(`${file} holds no pictures`)
  const entries = Array.from({ length: count }, (_, index) => read[index % read.length]).filter(isHere)
  const labels = PACKS[model] === undefined ? {} : { labels: entries.map(({ label }) => label) }
  return { pictures: entries.map(({ picture }) => picture), distinct: read.length, ...labels }
}

const isHere = <T>(value: T | undefined): value is T => value !== undefined

const SEQUENCE = 'frames/dog'
/** Frames are shrunk to about this width: the page scales them again. */
const FRAME_WIDTH = 256

/** Successive frames of a video where the shared data are at hand; none elsewhere. */
export function benchFrames(count: number): RgbaPicture[] {
  const folder = SHARED_DATA === undefined ? undefined : path.join(SHARED_DATA, SEQUENCE)
  if (folder === undefined || !existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.jpg'))
  return files
    .sort()
    .slice(0, count)
    .map((name) => shrunk(pictureFile(path.join(folder, name)), FRAME_WIDTH))
}

/** Every n-th pixel of every n-th row. */
function shrunk({ width, height, rgba }: RgbaPicture, toWidth: number): RgbaPicture {
  const step = Math.max(1, Math.floor(width / toWidth))
  const [columns, rows] = [Math.floor(width / step), Math.floor(height / step)]
  const out = new Uint8Array(columns * rows * 4)
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = (y * step * width + x * step) * 4
      out.set(rgba.subarray(from, from + 4), (y * columns + x) * 4)
    }
  }
  return { width: columns, height: rows, rgba: out }
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
