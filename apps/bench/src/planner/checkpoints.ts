import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Keeps the parts of a long run as files until all of it is done, so that a run that was cut off goes on where it was. */
export class Checkpoints {
  readonly #folder: string
  readonly #onProgress: (line: string) => void

  /** @param version parts kept under another one are not taken */
  constructor(folder: string, version: string, onProgress: (line: string) => void) {
    this.#folder = path.join(folder, version)
    this.#onProgress = onProgress
  }

  /** The kept part, or what `run` gives, kept from then on. Parts must survive JSON. */
  async part<T>(key: string, run: () => Promise<T>): Promise<T> {
    const file = path.join(this.#folder, `${key.replaceAll(' ', '_')}.json`)
    const kept = await readKept<T>(file)
    this.#onProgress(kept === undefined ? key : `${key} (kept from a run that was cut off)`)
    if (kept !== undefined) return kept.value
    const value = await run()
    await mkdir(this.#folder, { recursive: true })
    await writeFile(file, JSON.stringify(value))
    return value
  }

  /** All is done: nothing needs to be kept. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Absent files and those that were cut off count as not done. */
async function readKept<T>(file: string): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: JSON.parse(await readFile(file, 'utf8')) as T }
  } catch {
    return undefined
  }
}
