import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { CommandError } from '../command.ts'

export interface LabelledFile {
  readonly file: string
  /** Index into the model's labels. */
  readonly label: number
}

const PICTURE = /\.(jpe?g|png)$/i

/** `01-English_springer` -> `English springer`; a folder without a number keeps its name. */
export function labelOfFolder(folder: string): string {
  return folder.replace(/^\d+-(?=.)/, '').replaceAll('_', ' ')
}

/**
 * An ImageFolder tree (torchvision): one folder per class, classes numbered in the order of their folders' names. When
 * every folder's name is one of the model's labels, the names decide instead.
 * @throws CommandError `input` when there is no picture or a class more than the model has
 */
export async function readImageFolder(root: string, labels: readonly string[]): Promise<LabelledFile[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch((cause: unknown) => {
    throw new CommandError('file', `${root}: not a folder that can be read`, { cause })
  })
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort(compareCodePoints)
  const numbers = numberClasses(folders, labels)
  if (labels.length > 0 && folders.length > labels.length) {
    throw new CommandError('input', `${root} has ${folders.length} classes, the model ${labels.length}`)
  }
  const out: LabelledFile[] = []
  for (const [i, folder] of folders.entries()) {
    const names = await readdir(path.join(root, folder))
    for (const name of names.filter((n) => PICTURE.test(n)).sort(compareCodePoints)) {
      out.push({ file: path.join(root, folder, name), label: numbers[i] as number })
    }
  }
  if (out.length === 0) throw new CommandError('input', `${root}: no .jpg or .png in its sub-folders`)
  return out
}

function numberClasses(folders: readonly string[], labels: readonly string[]): number[] {
  const wanted = new Map(labels.map((label, index) => [fold(label), index]))
  const named = folders.map((folder) => wanted.get(fold(labelOfFolder(folder))))
  return named.every((index): index is number => index !== undefined) ? named : folders.map((_, index) => index)
}

const fold = (label: string) => label.trim().toLowerCase().replaceAll('_', ' ')

/** As Python sorts: by code point, whatever the locale. */
function compareCodePoints(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
