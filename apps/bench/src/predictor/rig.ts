import { systemClock, withDeadline } from '@roomful/core'
import { type Browser, chromium, type Page } from 'playwright'
import { browserPath } from '../../../../e2e/rig/browsers.ts'
import type { PredictorPage } from './page/page.ts'
import { type Nets, servePredictorPage } from './serve-page.ts'

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

/** One Chromium with the benchmark's page. */
export class PredictorRig implements AsyncDisposable {
  readonly #undo: (() => PromiseLike<void>)[] = []
  #page: Page | undefined

  /** `nets` may grow while the rig runs. */
  static async start(nets: Nets): Promise<PredictorRig> {
    const rig = new PredictorRig()
    try {
      const pages = await servePredictorPage(nets)
      rig.#undo.push(() => pages[Symbol.asyncDispose]())
      const executablePath = browserPath('chromium')
      if (executablePath === undefined) throw new Error('chromium is not installed: run npm test, which installs it')
      const browser: Browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS })
      rig.#undo.push(() => browser.close())
      const page = await browser.newPage()
      page.on('pageerror', (error) => process.stderr.write(`page: ${error.message}\n`))
      await page.goto(pages.url)
      await page.waitForFunction(() => 'predictorPage' in globalThis)
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

  /** Calls the function of that name in the page. */
  call<K extends keyof PredictorPage>(
    name: K,
    ...args: Parameters<PredictorPage[K]>
  ): Promise<Awaited<ReturnType<PredictorPage[K]>>> {
    if (this.#page === undefined) return Promise.reject(new Error('the rig has not started'))
    const work = this.#page.evaluate(
      ([key, values]) =>
        (globalThis as unknown as { predictorPage: Record<string, (...a: unknown[]) => unknown> }).predictorPage[key]?.(
          ...values,
        ),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<PredictorPage[K]>>>
    return withDeadline(work, {
      clock: systemClock,
      timeoutMs: CALL_TIMEOUT_MS,
      onTimeout: () => new Error(`${name} did not end within ${CALL_TIMEOUT_MS} ms`),
    })
  }
}
