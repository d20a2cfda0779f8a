import type { BackendSpeed, DeviceId, Plan, Schedule } from '@roomful/core'
import type { Browser, BrowserServer, Page } from 'playwright'
import type { HandPlan, HandPlanOptions, RequestView, RoomSession, RoomSnapshot } from 'roomful'
import { type BrowserName, type BrowserOptions, browserType, launchBrowser } from './browsers.ts'
import { type CpuMeans, type CpuShare, type CpuShareOptions, cpuTimeMs, limitCpu } from './cpu-share.ts'
import { leaveSpeeds } from './earlier-visit.ts'
import { type RelaySeat, throughRelay } from './ice-rewrite.ts'
import { inTime, PAGE_GRACE_MS } from './in-time.ts'
import { type Settling, settled } from './settling.ts'

export interface DeviceOptions extends BrowserOptions {
  readonly name: string
  readonly browser?: BrowserName
  readonly viewport?: { readonly width: number; readonly height: number }
  readonly observer?: boolean
  /** Answer to "Lend this device?"; default true. */
  readonly lend?: boolean
  /** Address of another model package, relative to the page. */
  readonly model?: string
  /** Share of the machine that the whole browser gets, in force before the page loads. Default: unlimited. */
  readonly cpu?: CpuShareOptions
  /** The emulated links that its connections take. Default: straight. */
  readonly links?: RelaySeat
  /** Speeds that an earlier visit has measured: this one then measures nothing by itself. */
  readonly speeds?: readonly BackendSpeed[]
  /** A phone's viewport, and touch in Chromium: Firefox cannot emulate that. Default false. */
  readonly mobile?: boolean
}

/** What the page exposes to the rig (apps/web/src/main.tsx). */
declare global {
  var roomful: { session: RoomSession } | undefined
}

/** A net of half a gigabyte is fetched, stored and built by every device of a room. */
export const READY_MS = 300_000
const POLL_MS = 60
/** The page's own deadline of a request that states none. */
const DEADLINE_MS = 10_000
/** A browser that has not ended by itself until then is killed. */
const CLOSED_WITHIN_MS = 10_000
const PHONE_VIEWPORT = { width: 390, height: 844 }
const DESKTOP_VIEWPORT = { width: 1280, height: 860 }

/** One emulated device: a browser process of its own with the page open in it. */
export class Device {
  readonly name: string
  readonly page: Page
  /** Lines of the page's console that are errors, and exceptions nobody caught. */
  readonly errors: string[] = []
  readonly #server: BrowserServer
  readonly #browser: Browser
  readonly #cpu: CpuShare | undefined

  private constructor(name: string, page: Page, server: BrowserServer, browser: Browser, cpu: CpuShare | undefined) {
    this.name = name
    this.page = page
    this.#server = server
    this.#browser = browser
    this.#cpu = cpu
    page.on('pageerror', (error) => this.errors.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error') this.errors.push(line.text())
    })
  }

  /** Starts the browser and opens the invite; resolves when the page has loaded, not when the room is up. */
  static async open(invite: string, options: DeviceOptions): Promise<Device> {
    const device = await Device.openPage(address(invite, options), options.browser ?? 'chromium', options)
    try {
      const started = await device.page.waitForFunction(
        () => globalThis.roomful !== undefined || document.querySelector('.fatal[role=alert]')?.textContent,
        undefined,
        { timeout: READY_MS },
      )
      const why = await started.jsonValue()
      if (typeof why === 'string') throw new Error(`${options.name}: ${why}`)
      const lend = options.lend ?? true
      const allowing = device.page.evaluate((allowed) => globalThis.roomful?.session.allowLending(allowed), lend)
      await inTime(allowing, READY_MS, `${options.name}: lending was not set`)
      return device
    } catch (error) {
      console.error(`${options.name}: the page did not start`, device.errors)
      await device.close()
      throw error
    }
  }

  /** Starts the browser and opens any page in it. */
  static async openPage(url: string, browserName: BrowserName, options: Partial<DeviceOptions> = {}): Promise<Device> {
    const server = await launchBrowser(browserName, options)
    let cpu: CpuShare | undefined
    try {
      const browser = await browserType(browserName).connect(server.wsEndpoint(), { timeout: 60_000 })
      const context = await browser.newContext({
        ...shapeOf(browserName, options),
        ignoreHTTPSErrors: true,
      })
      const page = await context.newPage()
      if (options.links !== undefined) await throughRelay(page, options.links)
      cpu = await share(server, page, options.cpu)
      if (options.speeds !== undefined) await leaveSpeeds(page, url, options.speeds)
      const device = new Device(options.name ?? url, page, server, browser, cpu)
      // A tenth of a core takes its time.
      await page.goto(url, { timeout: READY_MS })
      return device
    } catch (error) {
      await server.kill()
      await cpu?.release()
      throw error
    }
  }

  snapshot(): Promise<RoomSnapshot> {
    return this.#look(PAGE_GRACE_MS, 'no snapshot')
  }

  /** Waits until the snapshot satisfies `condition`; a failure shows the snapshot as it was, unless the page gave none any more. */
  async until(
    what: string,
    condition: (snapshot: RoomSnapshot) => boolean,
    timeoutMs = READY_MS,
  ): Promise<RoomSnapshot> {
    const endsAt = Date.now() + timeoutMs
    for (;;) {
      // A page that is still loading may be busy for long.
      const snapshot = await this.#look(Math.max(PAGE_GRACE_MS, endsAt - Date.now()), `no snapshot (${what})`)
      if (condition(snapshot)) return snapshot
      if (Date.now() > endsAt) {
        const { requests: _, ...state } = snapshot
        throw new Error(
          `${this.name}: not in time: ${what}\n${JSON.stringify(state).slice(0, 6000)}\n${this.errors.join('\n')}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }

  /** Is linked to these devices, and has heard of their speeds: word of them travels by way of the server, after they were measured. */
  async knows(ids: readonly DeviceId[]): Promise<void> {
    await this.until('the others and their speeds are known', ({ self, peers }) =>
      ids.every(
        (id) =>
          id === self.id ||
          peers.some(({ profile, link }) => profile.id === id && link === 'connected' && profile.backends.length > 0),
      ),
    )
  }

  /** Ready to ask: the model is loaded, a plan is active, and `peers` others are linked. */
  async ready(peers: number): Promise<void> {
    await this.until(
      `model, plan and ${peers} linked peers`,
      (snapshot) =>
        snapshot.modelState === 'ready' &&
        !snapshot.benchmark.running &&
        (snapshot.role === 'observer' || snapshot.plan?.status === 'active') &&
        snapshot.peers.filter((peer) => peer.link === 'connected').length >= peers,
    )
  }

  planByHand(plan: HandPlan, options: HandPlanOptions = {}): Promise<void> {
    const planning = this.page.evaluate(([hand, how]) => globalThis.roomful?.session.planByHand(hand, how), [
      plan,
      options,
    ] as const)
    return this.#inTime(planning, READY_MS, 'the plan by hand was not ready')
  }

  /** Has the room work by this plan; resolves when every device of it is ready. */
  installPlan(plan: Plan | Schedule): Promise<void> {
    const installing = this.page.evaluate((wanted) => globalThis.roomful?.session.installPlan(wanted), plan)
    return this.#inTime(installing, READY_MS, 'the plan was not installed')
  }

  /** Asks the room about raw RGBA pixels. */
  infer(
    picture: { width: number; height: number; rgba: Uint8Array },
    options: { deadlineMs?: number; cache?: boolean } = {},
  ): Promise<RequestView> {
    const base64 = Buffer.from(picture.rgba).toString('base64')
    const asked = this.page.evaluate(
      async ({ width, height, base64, options }) => {
        const session = globalThis.roomful?.session
        if (session === undefined) throw new Error('the page holds no session')
        const text = atob(base64)
        const data = Uint8ClampedArray.from(text, (character) => character.charCodeAt(0))
        return session.infer({ width, height, data }, options)
      },
      { width: picture.width, height: picture.height, base64, options },
    )
    const { deadlineMs = DEADLINE_MS } = options
    return this.#inTime(asked, deadlineMs + PAGE_GRACE_MS, 'no answer')
  }

  /** How its CPU share is brought about. */
  get cpuMeans(): CpuMeans {
    return this.#cpu?.means ?? 'none'
  }

  /** Another share of one core from now on; for devices that were opened with one. */
  async changeCpu(cores: number): Promise<void> {
    await this.#cpu?.change(cores)
  }

  /** Measures its backends again, at the CPU share that it has now. */
  measure(): Promise<void> {
    const measuring = this.page.evaluate(() => globalThis.roomful?.session.measure())
    return this.#inTime(measuring, READY_MS, 'its backends were not measured')
  }

  /** CPU time that the browser has used so far, in ms; undefined where it cannot be read. */
  cpuTimeMs(): number | undefined {
    const pid = this.#server.process().pid
    return pid === undefined ? undefined : cpuTimeMs(pid)
  }

  /** Waits until the browser builds nothing in the background any more; the result is whether it came to that in time. */
  settled(settling: Settling = {}): Promise<boolean> {
    return settled([this], settling)
  }

  /** Hides or shows the page as switching tabs does: the page's own listeners hear of it, the browser does not. */
  setVisible(visible: boolean): Promise<void> {
    const setting = this.page.evaluate((isVisible) => {
      const state: DocumentVisibilityState = isVisible ? 'visible' : 'hidden'
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
      Object.defineProperty(document, 'hidden', { value: !isVisible, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }, visible)
    return this.#inTime(setting, PAGE_GRACE_MS, `it was not ${visible ? 'shown' : 'hidden'}`)
  }

  /** Ends the process at once, as a crash or an empty battery would: nobody is told. */
  async kill(): Promise<void> {
    this.#signalGroup('SIGKILL')
    // Dying takes processor time too: with a small share its sockets would outlive it by up to a second.
    await this.#cpu?.change(1).catch(() => {})
    await this.#server.kill()
    await this.#cpu?.release()
  }

  /** Stops every process of the browser (SIGSTOP): the tab is silent but not gone. Undone by `thaw`. */
  freeze(): void {
    this.#signalGroup('SIGSTOP')
  }

  thaw(): void {
    this.#signalGroup('SIGCONT')
  }

  /** Ends the browser, however it is: frozen, crashed or long gone. */
  async close(): Promise<void> {
    this.thaw()
    const ending = async () => {
      // Ending takes its time on a tenth of a core.
      await this.#cpu?.change(1).catch(() => {})
      await this.#browser.close()
    }
    try {
      await inTime(ending(), CLOSED_WITHIN_MS, `${this.name} did not close`)
    } catch {
      // It has gone already, or hangs and is killed.
    } finally {
      await this.#server.kill().catch(() => {})
      await this.#cpu?.release()
    }
  }

  #look(timeoutMs: number, what: string): Promise<RoomSnapshot> {
    const looking = this.page.evaluate(() => {
      const session = globalThis.roomful?.session
      if (session === undefined) throw new Error('the page holds no session')
      return session.snapshot
    })
    return this.#inTime(looking, timeoutMs, what)
  }

  #inTime<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
    return inTime(work, timeoutMs, `${this.name}: ${what}`)
  }

  /** Playwright makes the browser the leader of a process group of its own. */
  #signalGroup(signal: NodeJS.Signals): void {
    const pid = this.#server.process().pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      // The process has gone already.
    }
  }
}

async function share(server: BrowserServer, page: Page, cpu: CpuShareOptions | undefined) {
  const pid = server.process().pid
  return cpu === undefined || pid === undefined ? undefined : limitCpu(pid, page, cpu)
}

function shapeOf(browser: BrowserName, { mobile, viewport }: Partial<DeviceOptions>) {
  if (!mobile) return { viewport: viewport ?? DESKTOP_VIEWPORT }
  return { viewport: PHONE_VIEWPORT, ...(browser === 'chromium' ? { isMobile: true, hasTouch: true } : {}) }
}

function address(invite: string, options: DeviceOptions): string {
  const url = new URL(invite)
  url.searchParams.set('name', options.name)
  if (options.observer) url.searchParams.set('observer', '')
  if (options.model !== undefined) url.searchParams.set('model', options.model)
  return url.href
}
