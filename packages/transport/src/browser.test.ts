import { existsSync } from 'node:fs'
import { createRoomKey } from '@roomful/protocol'
import { type RunningServer, startServer } from '@roomful/signaling-server'
import { type Browser, type BrowserServer, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TransportPage } from '../test/browser/page.ts'
import { servePage } from '../test/browser/serve.ts'
import { ROOM_CONTRACT } from './testing/room-contract.ts'

const SYSTEM_CHROMIUM = '/usr/bin/chromium'
const installed = existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : chromium.executablePath()
if (!existsSync(installed)) console.info('WebRTC rooms: skipped, no Chromium is installed')

const launchOptions = {
  executablePath: installed,
  args: ['--no-sandbox', '--disable-quic', '--disable-gpu', '--disable-features=WebRtcHideLocalIpsWithMdns'],
}

async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage()
  page.on('pageerror', (error) => console.error('page:', error))
  await page.goto(url)
  await page.waitForFunction(() => 'transportPage' in globalThis)
  return page
}

/** Calls the test page's function of that name. */
function call<K extends keyof TransportPage>(page: Page, name: K, ...args: Parameters<TransportPage[K]>) {
  return page.evaluate(
    ([key, values]) =>
      (globalThis as unknown as { transportPage: Record<string, (...a: unknown[]) => unknown> }).transportPage[key]?.(
        ...values,
      ),
    [name, args] as const,
  ) as Promise<Awaited<ReturnType<TransportPage[K]>>>
}

describe.runIf(existsSync(installed))('a WebRTC room', () => {
  let server: RunningServer
  let pages: Awaited<ReturnType<typeof servePage>>
  let first: Browser
  let url: string

  beforeAll(async () => {
    server = await startServer({ port: 0, cors: ['*'] })
    url = `http://127.0.0.1:${server.port}`
    pages = await servePage()
    first = await chromium.launch(launchOptions)
  })

  afterAll(async () => {
    await first?.close()
    await pages?.[Symbol.asyncDispose]()
    await server?.close()
  })

  describe('keeps the room contract', () => {
    let page: Page
    beforeAll(async () => {
      page = await openPage(first, pages.url)
    })
    for (const [index, { title }] of ROOM_CONTRACT.entries()) {
      test(title, async () => {
        expect(await call(page, 'contract', index, url)).toBe('passed')
      })
    }
  })

  describe('between processes', () => {
    let second: BrowserServer
    let secondBrowser: Browser
    let a: Page
    let b: Page
    const roomKey = [...createRoomKey()]

    beforeAll(async () => {
      second = await chromium.launchServer(launchOptions)
      secondBrowser = await chromium.connect(second.wsEndpoint())
      a = await openPage(first, pages.url)
      b = await openPage(secondBrowser, pages.url)
    })
    afterAll(async () => {
      await secondBrowser?.close().catch(() => {})
      await second?.kill()
    })

    test('links, answers with 4 MiB and measures round trip and bandwidth', async () => {
      await call(a, 'join', url, roomKey, 'a')
      await call(b, 'join', url, roomKey, 'b')
      await Promise.all([call(a, 'linked', 'b'), call(b, 'linked', 'a')])
      await call(a, 'fetchWeights', 'b', 4 << 20)
      await call(b, 'fetchWeights', 'a', 4 << 20)
      const { b: state } = await call(a, 'peers')
      expect(state?.link).toBe('connected')
      expect(state?.rttMs).toBeGreaterThan(0)
      // Beats tell what the peer's meter has seen; until then a probe of a busy start may stand for it.
      await expect
        .poll(async () => (await call(a, 'peers'))['b']?.mbitPerSecond, { timeout: 10_000 })
        .toBeGreaterThan(1)
      expect(await call(a, 'links')).toHaveLength(1)
    })

    test('comes back by itself when the connection breaks', async () => {
      await call(b, 'cut')
      await Promise.all([call(a, 'until', 'b', 'connected', 20_000), call(b, 'until', 'a', 'connected', 20_000)])
      await call(a, 'fetchWeights', 'b', 1000)
      expect(await call(a, 'story')).toContain('b lost')
    })

    test('keeps running links over a restart of the server, and lets a newcomer in afterwards', async () => {
      const { port } = server
      await server.close()
      await call(a, 'fetchWeights', 'b', 100_000)
      server = await startServer({ port, cors: ['*'] })
      const c = await openPage(first, pages.url)
      await call(c, 'join', url, roomKey, 'c')
      await Promise.all([call(c, 'until', 'a', 'connected', 20_000), call(c, 'until', 'b', 'connected', 20_000)])
      expect(await call(a, 'story')).not.toContain('b lost')
      await call(c, 'leave')
      await call(a, 'until', 'c', 'absent', 5000)
      await c.close()
    })

    test('notices a frozen process within 2 s, and that it is back', async () => {
      const { pid } = second.process()
      if (pid === undefined) throw new Error('no process')
      process.kill(-pid, 'SIGSTOP')
      // The clock of a busy test machine may stand still for a moment: twice the promise is still a proof.
      const tookMs = await call(a, 'until', 'b', 'silent', 4000).finally(() => process.kill(-pid, 'SIGCONT'))
      console.info(`silence noticed after ${Math.round(tookMs)} ms`)
      await call(a, 'until', 'b', 'connected', 15_000)
      await call(a, 'fetchWeights', 'b', 1000)
    })

    test('says gone when the other process is killed', async () => {
      await second.kill()
      await call(a, 'until', 'b', 'silent', 4000)
      await call(a, 'until', 'b', 'absent', 15_000)
    })
  })
})
