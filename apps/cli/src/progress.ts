/** Standard error, or what stands in for it. */
export interface ErrorStream {
  write(text: string): unknown
  readonly isTTY?: boolean
}

/** One changing line on standard error; on a terminal it is rewritten in place, elsewhere a line about every tenth. */
export class Progress {
  readonly #stream: ErrorStream
  #lastTenth = -1
  #open = false

  constructor(stream: ErrorStream) {
    this.#stream = stream
  }

  update(what: string, done: number, total: number): void {
    const text = `${what} ${done}/${total}`
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\u001b[K${text}`)
      this.#open = true
      return
    }
    const tenth = Math.floor((10 * done) / Math.max(1, total))
    if (tenth === this.#lastTenth) return
    this.#lastTenth = tenth
    this.#stream.write(`${text}\n`)
  }

  /** Ends the line; the next `update` begins anew. */
  end(): void {
    if (this.#open) this.#stream.write('\n')
    this.#open = false
    this.#lastTenth = -1
  }
}
