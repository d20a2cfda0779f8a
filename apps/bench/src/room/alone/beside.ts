import { firstLine } from '../first-line.ts'
import { Alone, type AloneOptions } from './alone.ts'
import { ALONE_LIBRARIES, type AloneLibrary } from './library.ts'

const MOST_THREADS = 4

/** The page of what runs alone, opened beside the room; where it cannot run, the notes say why and the run goes on. */
export class AloneBeside implements AsyncDisposable {
  readonly #opening: Promise<Alone | undefined>
  readonly #wanted: readonly AloneLibrary[]
  readonly libraries: AloneLibrary[] = []
  /** On what each library runs, or why it does not, a sentence each. */
  readonly notes: string[] = []
  page: Alone | undefined

  constructor(methods: readonly string[], options: AloneOptions, signal?: AbortSignal) {
    this.#wanted = ALONE_LIBRARIES.filter((library) => methods.includes(library))
    this.#opening = this.#wanted.length === 0 ? Promise.resolve(undefined) : this.#open(options, signal)
  }

  /** Resolves when the libraries are loaded and the page has the initiator's share. */
  async ready(): Promise<void> {
    this.page = await this.#opening
    await this.page?.prepared(async () => {})
  }

  /** At full speed, while the room gets ready too. */
  async #open(options: AloneOptions, signal: AbortSignal | undefined): Promise<Alone | undefined> {
    // A share of several cores is what threads are for.
    const threads = Math.max(1, Math.min(MOST_THREADS, Math.floor(options.device.cores)))
    let page: Alone | undefined
    let opening: Promise<Alone> | undefined
    for (const library of this.#wanted) {
      if (signal?.aborted) break
      try {
        // One that could not be opened is not tried again.
        opening ??= Alone.start(options)
        page = await opening
        this.notes.push(`${library}: ${await page.open(library, threads)}, in a page of its own`)
        this.libraries.push(library)
      } catch (error) {
        this.notes.push(`${library}: not measured: ${firstLine(error)}`)
      }
    }
    if (!this.libraries.includes('ort')) {
      this.notes.push('ratios to local are to the plan `local`, which the room\u2019s own runtime runs')
    }
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opening)?.[Symbol.asyncDispose]()
  }
}
