import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Random, seededRandom, systemClock, withDeadline } from '@roomful/core'
import { createRoomKey } from '@roomful/protocol'
import { type RunningServer, startServer } from '@roomful/signaling-server'
import { type Browser, chromium, type Page } from 'playwright'
import { throughRelay } from '../../../../e2e/rig/ice-rewrite.ts'
import { type PathShape, UdpRelay } from '../../../../e2e/rig/udp-relay.ts'
import type { BenchPage } from './page/page.ts'
import { serveTransportPage } from './serve-page.ts'

const SYSTEM_CHROMIUM = '/usr/bin/chromium'
/** Longer than any single measurement on a slow machine. */
const CALL_TIMEOUT_MS = 60_000
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]

/** Two Chromium processes with the benchmark's page, and everything that introduces contenders to each other. */
export class TransportRig implements AsyncDisposable {
  /** Undone in reverse order. */
  readonly #undo: (() => unknown)[] = []
  readonly #roomKeys = new Map<string, number[]>()
  #a: Page | undefined
  #b: Page | undefined
  #signalling: RunningServer | undefined
  #peerJsPort = 0

  /** The path between the two, in each direction, through a relay in user space; no delay and loss leave it out. */
  static async start(path: PathShape, random: Random = seededRandom(1)): Promise<TransportRig> {
    const rig = new TransportRig()
    try {
      await rig.#start(path, random)
      return rig
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo()
  }

  /** Opens a contender on both pages. */
  async open(name: string): Promise<void> {
    const roomKey = this.#roomKeys.get(name) ?? [...createRoomKey()]
    this.#roomKeys.set(name, roomKey)
    const common = {
      signallingUrl: `http://127.0.0.1:${this.#signalling?.port}`,
      roomKey,
      peerJsPort: this.#peerJsPort,
    }
    await Promise.all([this.on('a', 'prepare', name), this.on('b', 'prepare', name)])
    await Promise.all([
      this.on('a', 'open', name, { ...common, initiator: true }),
      this.on('b', 'open', name, { ...common, initiator: false }),
    ])
  }

  async close(name: string): Promise<void> {
    await Promise.all([this.on('a', 'close', name), this.on('b', 'close', name)])
  }

  /** Calls the function of that name in one page. */
  on<K extends keyof BenchPage>(
    side: 'a' | 'b',
    name: K,
    ...args: Parameters<BenchPage[K]>
  ): Promise<Awaited<ReturnType<BenchPage[K]>>> {
    const page = side === 'a' ? this.#a : this.#b
    if (page === undefined) return Promise.reject(new Error('the rig has not started'))
    const work = page.evaluate(
      ([key, values]) =>
        (globalThis as unknown as { benchPage: Record<string, (...a: unknown[]) => unknown> }).benchPage[key]?.(
          ...values,
        ),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<BenchPage[K]>>>
    return withDeadline(work, {
      clock: systemClock,
      timeoutMs: CALL_TIMEOUT_MS,
      onTimeout: () => new Error(`${name} ${String(args[0])} did not end within ${CALL_TIMEOUT_MS} ms`),
    })
  }

  async #start(path: PathShape, random: Random): Promise<void> {
    const pages = await serveTransportPage()
    this.#undo.push(() => pages[Symbol.asyncDispose]())
    const signalling = await startServer({ port: 0, cors: ['*'] })
    this.#signalling = signalling
    this.#undo.push(() => signalling.close())
    const peerJs = await startPeerJsServer()
    this.#undo.push(peerJs.stop)
    this.#peerJsPort = peerJs.port
    const plain = path.delayMs === 0 && (path.lossProbability ?? 0) === 0
    const relay = plain ? undefined : new UdpRelay(path, { random })
    this.#undo.push(() => relay?.[Symbol.asyncDispose]())
    const [a, b] = await Promise.all([this.#openPage(pages.url, relay), this.#openPage(pages.url, relay)])
    this.#a = a
    this.#b = b
    await connectSignals(a, () => b)
    await connectSignals(b, () => a)
  }

  async #openPage(url: string, relay: UdpRelay | undefined): Promise<Page> {
    const browser: Browser = await chromium.launch({
      executablePath: existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : chromium.executablePath(),
      args: CHROMIUM_FLAGS,
    })
    this.#undo.push(() => browser.close())
    const page = await browser.newPage()
    page.on('pageerror', (error) => process.stderr.write(`page: ${error.message}\n`))
    if (relay !== undefined) await throughRelay(page, relay)
    await page.goto(url)
    await page.waitForFunction(() => 'benchPage' in globalThis)
    return page
  }
}

async function connectSignals(from: Page, to: () => Page): Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  await from.exposeFunction('toOtherPage', (name: string, value: unknown) => {
    last = last.then(() =>
      to().evaluate(
        ([contender, signal]) =>
          (globalThis as unknown as { benchPage: BenchPage }).benchPage.signal(contender, signal),
        [name, value] as const,
      ),
    )
    return last
  })
}

/** In a process of its own: its timers cannot be stopped otherwise. */
async function startPeerJsServer(): Promise<{ port: number; stop: () => void }> {
  const port = await freePort()
  const script = fileURLToPath(import.meta.resolve('peer')).replace(/module\.mjs$/, 'bin/peerjs.js')
  const child = spawn(process.execPath, [script, '--port', String(port), '--host', '127.0.0.1', '--path', '/'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  // However this process ends, the server ends with it.
  const stop = () => {
    process.off('exit', stop)
    child.kill()
  }
  process.once('exit', stop)
  await once(child.stdout, 'data')
  return { port, stop }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
