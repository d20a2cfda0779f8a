import { seededRandom } from '@roomful/core'
import { createRoomKey } from '@roomful/protocol'
import { startServer } from '@roomful/signaling-server'
import { chromium, type Page } from 'playwright'
import type { TransportPage } from '../../packages/transport/test/browser/page.ts'
import { servePage } from '../../packages/transport/test/browser/serve.ts'
import { launchBrowser } from '../rig/browsers.ts'
import { throughRelay } from '../rig/ice-rewrite.ts'
import { type PathShape, UdpRelay } from '../rig/udp-relay.ts'

declare global {
  var openedConnections: RTCPeerConnection[]
  var iceRestarts: number
}

type Side = 'a' | 'b'

/** Two Chromium processes with transport's test page, linked over a path that can be shaped, cut and replaced. */
export class LinkPair implements AsyncDisposable {
  readonly #undo: (() => unknown)[] = []
  readonly #pages = new Map<Side, Page>()
  #relay: UdpRelay

  private constructor(relay: UdpRelay) {
    this.#relay = relay
  }

  /** Resolves when both ends are linked. */
  static async open(shape: PathShape, seed = 1): Promise<LinkPair> {
    const random = seededRandom(seed)
    const pair = new LinkPair(new UdpRelay(shape, { random }))
    pair.#undo.push(() => pair.#relay[Symbol.asyncDispose]())
    try {
      const pages = await servePage()
      pair.#undo.push(() => pages[Symbol.asyncDispose]())
      const server = await startServer({ port: 0, cors: ['*'] })
      pair.#undo.push(() => server.close())
      const key = [...createRoomKey()]
      for (const side of ['a', 'b'] as const) {
        await pair.#openPage(side, pages.url)
        await pair.call(side, 'join', `http://127.0.0.1:${server.port}`, key, side)
      }
      await Promise.all([pair.call('a', 'linked', 'b'), pair.call('b', 'linked', 'a')])
      return pair
    } catch (error) {
      await pair[Symbol.asyncDispose]()
      throw error
    }
  }

  reshape(shape: PathShape): void {
    this.#relay.reshape(shape)
  }

  /** The present path is dead for good; candidates that are exchanged from now on take another one. */
  replacePath(shape: PathShape): void {
    const dead = this.#relay
    dead.reshape({ ...shape, blackhole: true })
    this.#undo.push(() => dead[Symbol.asyncDispose]())
    this.#relay = new UdpRelay(shape, { random: seededRandom(2) })
  }

  /** Candidates that are exchanged from now on take a path of their own beside the present one; returns what shapes it. */
  divert(shape: PathShape): (shape: PathShape) => void {
    const present = this.#relay
    this.#undo.push(() => present[Symbol.asyncDispose]())
    const other = new UdpRelay(shape, { random: seededRandom(3) })
    this.#relay = other
    return (changed) => other.reshape(changed)
  }

  /** Calls the test page's function of that name. */
  call<K extends keyof TransportPage>(
    side: Side,
    name: K,
    ...args: Parameters<TransportPage[K]>
  ): Promise<Awaited<ReturnType<TransportPage[K]>>> {
    return this.#page(side).evaluate(
      ([key, values]) =>
        (globalThis as unknown as { transportPage: Record<string, (...a: unknown[]) => unknown> }).transportPage[key]?.(
          ...values,
        ),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<TransportPage[K]>>>
  }

  /** How often the side that makes offers has asked for a new path, and how many connections there were. */
  async restarts(): Promise<{ asked: number; connections: number }> {
    const asked = await this.#page('a').evaluate(() => globalThis.iceRestarts)
    const connections = await this.#page('a').evaluate(() => globalThis.openedConnections.length)
    return { asked, connections }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo()
  }

  #page(side: Side): Page {
    const page = this.#pages.get(side)
    if (page === undefined) throw new Error(`page ${side} is not open`)
    return page
  }

  async #openPage(side: Side, url: string): Promise<void> {
    const process = await launchBrowser('chromium')
    this.#undo.push(() => process.kill())
    const browser = await chromium.connect(process.wsEndpoint())
    const page = await browser.newPage()
    this.#pages.set(side, page)
    // Asked anew for every candidate, so that a replaced relay takes the ones to come.
    await throughRelay(page, { portFor: (address, port) => this.#relay.portFor(address, port) })
    await page.addInitScript(() => {
      const Native = globalThis.RTCPeerConnection
      globalThis.openedConnections = []
      globalThis.iceRestarts = 0
      globalThis.RTCPeerConnection = class extends Native {
        constructor(configuration?: RTCConfiguration) {
          super(configuration)
          globalThis.openedConnections.push(this)
        }
        override restartIce(): void {
          globalThis.iceRestarts++
          super.restartIce()
        }
      }
    })
    await page.goto(url)
    await page.waitForFunction(() => 'transportPage' in globalThis)
  }
}
