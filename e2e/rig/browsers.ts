import { existsSync } from 'node:fs'
import { type BrowserServer, type BrowserType, chromium, firefox, type LaunchOptions } from 'playwright'
import { temporaryFolder } from './leftovers.ts'

export type BrowserName = 'chromium' | 'firefox'

/** Quiet, offline, usable as root and without a GPU; addresses unmasked, so that links need no mDNS responder. */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Compute Pressure would tell each emulated device of the others' work: they share one processor.
  '--disable-features=WebRtcHideLocalIpsWithMdns,CalculateNativeWinOcclusion,ComputePressure',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
]

const FIREFOX_PREFERENCES = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  // The relays' ports are on 127.0.0.1.
  'media.peerconnection.ice.loopback': true,
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
}

const INSTALLED: Readonly<Record<BrowserName, readonly string[]>> = {
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
}

export interface BrowserOptions {
  /** WebGPU in software (SwiftShader): correct and slow, for functional runs. Chromium only. */
  readonly webgpu?: boolean
}

/** Where a browser is: an installed one first, else Playwright's own; undefined when there is neither. */
export function browserPath(name: BrowserName): string | undefined {
  const type = name === 'chromium' ? chromium : firefox
  return [...INSTALLED[name], type.executablePath()].find((path) => path !== '' && existsSync(path))
}

/** Starts one browser as a process of its own that can be killed and frozen. However it ends, its temporary files go with it. */
export async function launchBrowser(name: BrowserName, options: BrowserOptions = {}): Promise<BrowserServer> {
  const executablePath = browserPath(name)
  if (executablePath === undefined) throw new Error(`${name} is not installed: run npm test, which installs it`)
  const temporary = temporaryFolder()
  try {
    const server = await launch(name, executablePath, { ...process.env, TMPDIR: temporary.path }, options)
    server.on('close', () => temporary.release())
    return server
  } catch (error) {
    temporary.release()
    throw error
  }
}

function launch(
  name: BrowserName,
  executablePath: string,
  env: NonNullable<LaunchOptions['env']>,
  options: BrowserOptions,
): Promise<BrowserServer> {
  const common: LaunchOptions = { headless: true, executablePath, env, timeout: 60_000, handleSIGINT: false }
  if (name === 'firefox') {
    // Debian's Firefox speaks WebDriver BiDi to Playwright; the patched one comes with Playwright itself.
    const isSystem = INSTALLED.firefox.includes(executablePath)
    return firefox.launchServer({
      ...common,
      ...(isSystem ? { channel: 'moz-firefox' } : {}),
      firefoxUserPrefs: FIREFOX_PREFERENCES,
    })
  }
  const gpu = options.webgpu ? ['--enable-unsafe-webgpu'] : ['--disable-gpu']
  return chromium.launchServer({ ...common, args: [...CHROMIUM_FLAGS, ...gpu] })
}

export function browserType(name: BrowserName): BrowserType {
  return name === 'chromium' ? chromium : firefox
}
