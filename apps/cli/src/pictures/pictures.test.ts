import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import jpeg from 'jpeg-js'
import { PNG } from 'pngjs'
import { afterEach, describe, expect, it } from 'vitest'
import { decodePicture, readPicture } from './decode.ts'
import { labelOfFolder, readImageFolder } from './image-folder.ts'
import { exifOrientation, upright } from './orientation.ts'

let folder: string | undefined

async function newFolder(): Promise<string> {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-pictures-'))
  return folder
}

afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true })
  folder = undefined
})

function pixels(width: number, height: number): Buffer {
  return Buffer.from(Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 256)))
}

function png(width: number, height: number): Buffer {
  const image = new PNG({ width, height })
  image.data = pixels(width, height)
  return PNG.sync.write(image)
}

describe('decodePicture', () => {
  it('reads a PNG pixel by pixel', async () => {
    const picture = await decodePicture(png(5, 3))
    expect([picture.width, picture.height]).toEqual([5, 3])
    expect(Buffer.compare(Buffer.from(picture.data), pixels(5, 3))).toBe(0)
  })

  it('reads a JPEG', async () => {
    const data = Buffer.alloc(16 * 16 * 4, 100)
    const picture = await decodePicture(jpeg.encode({ width: 16, height: 16, data }, 95).data)
    expect([picture.width, picture.height]).toEqual([16, 16])
    expect(Math.abs((picture.data[0] ?? 0) - 100)).toBeLessThan(3)
  })

  it('refuses what is neither, and files that claim a huge size', async () => {
    await expect(decodePicture(Buffer.from('GIF89a'))).rejects.toThrow(/neither JPEG nor PNG/)
    const huge = png(2, 2)
    huge.writeUInt32BE(100_000, 16)
    huge.writeUInt32BE(100_000, 20)
    await expect(decodePicture(huge)).rejects.toThrow(/at most 100 million/)
    const wide = Buffer.from(jpeg.encode({ width: 16, height: 16, data: Buffer.alloc(1024) }, 50).data)
    const frame = wide.indexOf(Buffer.of(0xff, 0xc0))
    wide.writeUInt32BE(0xffff_ffff, frame + 5)
    await expect(decodePicture(wide)).rejects.toThrow(/at most 100 million/)
  })

  it('reads the next JPEG after a damaged one', async () => {
    const whole = jpeg.encode({ width: 16, height: 16, data: Buffer.alloc(1024, 100) }, 95).data
    for (let i = 0; i < 2; i++) {
      await expect(decodePicture(withoutTables(whole))).rejects.toMatchObject({ reason: 'corrupt' })
      expect((await decodePicture(whole)).width).toBe(16)
    }
  })

  it('gives a typed error with the file name for damaged files', async () => {
    const root = await newFolder()
    const whole = jpeg.encode({ width: 32, height: 32, data: pixels(32, 32) }, 90).data
    const broken = {
      'cut.png': png(30, 30).subarray(0, 60),
      'head.jpg': whole.subarray(0, 20),
      'tail.jpg': whole.subarray(0, -2),
      'tables.jpg': withoutTables(whole),
      'text.jpg': Buffer.from('hello'),
    }
    for (const [name, bytes] of Object.entries(broken)) {
      await writeFile(path.join(root, name), bytes)
      await expect(readPicture(path.join(root, name))).rejects.toMatchObject({
        name: 'PictureError',
        message: expect.stringContaining(name),
      })
    }
  })
})

/** A JPEG whose quantisation tables are marked as comments: whole, but not to be decoded. */
function withoutTables(whole: Uint8Array): Uint8Array {
  const out = Buffer.from(whole)
  for (let at = out.indexOf(Buffer.of(0xff, 0xdb)); at >= 0; at = out.indexOf(Buffer.of(0xff, 0xdb))) out[at + 1] = 0xfe
  return out
}

/** A JPEG start with an APP1 segment that carries one orientation tag. */
function exifHeader(orientation: number, little: boolean): Uint8Array {
  const tiff = Buffer.alloc(26)
  const u16 = (value: number, at: number) => (little ? tiff.writeUInt16LE(value, at) : tiff.writeUInt16BE(value, at))
  const u32 = (value: number, at: number) => (little ? tiff.writeUInt32LE(value, at) : tiff.writeUInt32BE(value, at))
  u16(little ? 0x4949 : 0x4d4d, 0)
  u16(42, 2)
  u32(8, 4)
  u16(1, 8)
  u16(0x0112, 10)
  u16(3, 12)
  u32(1, 14)
  u16(orientation, 18)
  const length = 2 + 6 + tiff.length
  const head = [0xff, 0xd8, 0xff, 0xe1, length >> 8, length & 255, 0x45, 0x78, 0x69, 0x66, 0, 0]
  return Buffer.concat([Buffer.from(head), tiff, Buffer.alloc(16)])
}

describe('EXIF orientation', () => {
  it('is read in both byte orders and is 1 when absent', () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      expect(exifOrientation(exifHeader(orientation, true))).toBe(orientation)
      expect(exifOrientation(exifHeader(orientation, false))).toBe(orientation)
    }
    expect(exifOrientation(Uint8Array.of(0xff, 0xd8, 0xff, 0xdb, 0, 4, 0, 0, 0xff, 0xda, 0, 0, 0))).toBe(1)
    expect(exifOrientation(Uint8Array.of(0xff, 0xd8))).toBe(1)
  })

  it('turns the picture: 6 shows the stored left column as the top row', () => {
    // Stored 2 x 3:  a b / c d / e f
    const stored = {
      width: 2,
      height: 3,
      data: Uint8Array.from([...'abcdef'].flatMap((c) => [c.charCodeAt(0), 0, 0, 255])),
    }
    const shown = (orientation: number) => {
      const { width, data } = upright(stored, orientation)
      const letters = Array.from({ length: 6 }, (_, i) => String.fromCharCode(data[i * 4] ?? 0)).join('')
      return letters.match(new RegExp(`.{${width}}`, 'g'))?.join('/')
    }
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(shown)).toEqual([
      'ab/cd/ef',
      'ba/dc/fe',
      'fe/dc/ba',
      'ef/cd/ab',
      'ace/bdf',
      'eca/fdb',
      'fdb/eca',
      'bdf/ace',
    ])
  })
})

describe('readImageFolder', () => {
  async function tree(names: readonly string[]): Promise<string> {
    const root = await newFolder()
    for (const name of names) {
      await mkdir(path.join(root, name))
      await writeFile(path.join(root, name, 'b.png'), png(2, 2))
      await writeFile(path.join(root, name, 'a.JPG'), '')
      await writeFile(path.join(root, name, 'notes.txt'), '')
    }
    return root
  }

  const brief = (files: readonly { file: string; label: number }[]) =>
    files.map(({ file, label }) => `${path.basename(path.dirname(file))}/${path.basename(file)}=${label}`)

  it('numbers classes in the order of their folders', async () => {
    const root = await tree(['zebra', 'ant'])
    expect(brief(await readImageFolder(root, []))).toEqual([
      'ant/a.JPG=0',
      'ant/b.png=0',
      'zebra/a.JPG=1',
      'zebra/b.png=1',
    ])
  })

  it('goes by the names when all of them are labels of the model', async () => {
    const root = await tree(['01-gas_pump', 'Tench'])
    const files = await readImageFolder(root, ['tench', 'gas pump'])
    expect(brief(files)).toEqual(['01-gas_pump/a.JPG=1', '01-gas_pump/b.png=1', 'Tench/a.JPG=0', 'Tench/b.png=0'])
  })

  it('refuses more classes than the model has, and a folder without pictures', async () => {
    const root = await tree(['a', 'b', 'c'])
    await expect(readImageFolder(root, ['x', 'y'])).rejects.toThrow(/3 classes, the model 2/)
    await expect(readImageFolder(path.join(root, 'a'), [])).rejects.toThrow(/no .jpg or .png/)
    await expect(readImageFolder(path.join(root, 'none'), [])).rejects.toThrow(/not a folder/)
  })

  it('makes labels of folder names', () => {
    expect(labelOfFolder('01-English_springer')).toBe('English springer')
    expect(labelOfFolder('07')).toBe('07')
    expect(labelOfFolder('3-')).toBe('3-')
  })
})
