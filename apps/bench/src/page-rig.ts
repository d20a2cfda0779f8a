import { systemClock, withDeadline } from '@roomful/core'
import { type Browser, chromium, type Page } from 'playwright'
import { browserPath } from '../../../e2e/rig/browsers.ts'
import { type Nets, serveNets } from './serve-nets.ts'

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
]
/** Longer than any single measurement on a slow machine. */
const CALL_TIMEOUT_MS = 120_000

type Calls = Readonly<Record<string, (...values: never) => unknown>>

/** One Chromium with a benchmark's page, whose functions `P` lie under one global name. */
export class PageRig<P extends Calls> implements AsyncDisposable {
  readonly #name: string
  readonly #undo: (() => PromiseLike<void>)[] = []
  #page: Page | undefined
  #version = ''

  private constructor(name: string) {
    this.#name = name
  }

  /** `root`: the page's folder. `nets` may grow while the rig runs. */
  static async start<P extends Calls>(root: URL, nets: Nets, name: string): Promise<PageRig<P>> {
    const rig = new PageRig<P>(name)
    try {
      const pages = await serveNets(root, nets)
      rig.#undo.push(() => pages[Symbol.asyncDispose]())
      const executablePath = browserPath('chromium')
      if (executablePath === undefined) throw new Error('chromium is not installed: run npm test, which installs it')
      const browser: Browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
      rig.#undo.push(() => browser.close())
      rig.#version = browser.version()
      const page = await browser.newPage()
      page.on('pageerror', (error) => process.stderr.write(`page: ${error.message}\n`))
      await page.goto(pages.url)
      await page.waitForFunction((wanted) => wanted in globalThis, name)
      rig.#page = page
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo()
  }

  get browserVersion(): string {
    return this.#version
  }

  /** Calls the function of that name in the page. */
  call<K extends keyof P & string>(name: K, ...values: Parameters<P[K]>): Promise<Awaited<ReturnType<P[K]>>> {
    if (this.#page === undefined) return Promise.reject(new Error('the rig has not started'))
    const work = this.#page.evaluate(
      ([owner, key, given]) =>
        (globalThis as unknown as Record<string, Record<string, (...a: unknown[]) => unknown>>)[owner]?.[key]?.(
          ...given,
        ),
      [this.#name, name, values as unknown[]] as const,
    ) as Promise<Awaited<ReturnType<P[K]>>>
    return withDeadline(work, {
      clock: systemClock,
      timeoutMs: CALL_TIMEOUT_MS,
      onTimeout: () => new Error(`${name} did not end within ${CALL_TIMEOUT_MS} ms`),
    })
  }
}
