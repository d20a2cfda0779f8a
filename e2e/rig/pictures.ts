import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { seededRandom } from '@roomful/core'
import jpeg from 'jpeg-js'
import { REPOSITORY } from './room.ts'

export interface RgbaPicture {
  readonly width: number
  readonly height: number
  readonly rgba: Uint8Array
}

/** A picture that is made when somebody looks at it, and then kept: a run shows only a part of those that it may show. */
export function lazyPicture(make: () => RgbaPicture): RgbaPicture {
  let made: RgbaPicture | undefined
  const picture = () => {
    made ??= make()
    return made
  }
  return {
    get width() {
      return picture().width
    },
    get height() {
      return picture().height
    },
    get rgba() {
      return picture().rgba
    },
  }
}

/** Folder of the shared pictures, or undefined where the repository stands alone. */
export const SHARED_DATA = [path.resolve(REPOSITORY, '../shared/data')].find((folder) => existsSync(folder))

/**
 * Pictures of a jpegpack (`JPK1`, u32 n, u32 header length, u32 0, little endian; the shared JPEG header; u8 label[n];
 * u16 length[n]; the bodies), spread evenly over it; decoded when they are looked at.
 */
export function packPictures(pack: string, count: number): { label: number; picture: RgbaPicture }[] {
  const data = readFileSync(pack)
  const total = data.readUInt32LE(4)
  const headerLength = data.readUInt32LE(8)
  const header = data.subarray(16, 16 + headerLength)
  const labelsAt = 16 + headerLength
  const lengthsAt = labelsAt + total
  let at = lengthsAt + 2 * total
  const wanted = new Set(Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * total) / count)))
  const pictures: { label: number; picture: RgbaPicture }[] = []
  for (let index = 0; index < total; index++) {
    const length = data.readUInt16LE(lengthsAt + 2 * index)
    if (wanted.has(index)) {
      const body = data.subarray(at, at + length)
      const picture = lazyPicture(() => decoded(Buffer.concat([header, body])))
      pictures.push({ label: data.readUInt8(labelsAt + index), picture })
    }
    at += length
  }
  return pictures
}

/** A JPEG file. */
export function pictureFile(file: string): RgbaPicture {
  return decoded(readFileSync(file))
}

function decoded(bytes: Buffer): RgbaPicture {
  const { width, height, data: rgba } = jpeg.decode(bytes, { useTArray: true, formatAsRGBA: true })
  return { width, height, rgba }
}

/** Seeded blobs of colour, smooth enough that neighbouring values resemble a photograph's. */
export function generatedPicture(seed: number, width = 200, height = 160): RgbaPicture {
  const random = seededRandom(seed)
  const blobs = Array.from({ length: 12 }, () => ({
    x: random.next() * width,
    y: random.next() * height,
    radius: 12 + random.next() * 60,
    colour: [random.int(256), random.int(256), random.int(256)] as const,
  }))
  const rgba = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4
      for (let channel = 0; channel < 3; channel++) {
        let value = 40 + (80 * y) / height
        for (const blob of blobs) {
          const squared = ((x - blob.x) ** 2 + (y - blob.y) ** 2) / blob.radius ** 2
          value += ((blob.colour[channel] ?? 0) - 100) * Math.exp(-squared)
        }
        rgba[at + channel] = Math.max(0, Math.min(255, value))
      }
      rgba[at + 3] = 255
    }
  }
  return { width, height, rgba }
}
