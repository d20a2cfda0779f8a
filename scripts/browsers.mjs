// Sees to it that a Chromium and a Firefox are there: an installed one, else Playwright's, else the distribution's.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { runChild } from './child.mjs'

const TIMEOUT_MS = 10 * 60_000

/** The same places as e2e/rig/browsers.ts. */
const INSTALLED = /** @type {const} */ ({
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
})
const DEBIAN_PACKAGES = { chromium: 'chromium', firefox: 'firefox-esr' }

/** @typedef {keyof typeof INSTALLED} BrowserName */

/**
 * @param {string} root
 * @returns {Promise<BrowserName[]>} the browsers that are still missing
 */
export async function ensureBrowsers(root) {
  // Loaded late: on a fresh clone it is installed only now.
  const playwright = await import('playwright')
  const isThere = (/** @type {BrowserName} */ name) =>
    INSTALLED[name].some((place) => existsSync(place)) || existsSync(playwright[name].executablePath())
  const names = /** @type {BrowserName[]} */ (Object.keys(INSTALLED))
  const missing = () => names.filter((name) => !isThere(name))
  if (missing().length > 0) {
    console.log(`Installing browsers for the tests: ${missing().join(', ')} ...`)
    const cli = path.join(root, 'node_modules', 'playwright', 'cli.js')
    await runChild(process.execPath, [cli, 'install', ...missing()], { cwd: root, timeoutMs: TIMEOUT_MS })
  }
  if (missing().length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const packages = missing().map((name) => DEBIAN_PACKAGES[name])
    const apt = (/** @type {string[]} */ args) => runChild('apt-get', args, { cwd: root, timeoutMs: TIMEOUT_MS, env })
    await apt(['update'])
    await apt(['install', '-y', '--no-install-recommends', ...packages])
  }
  return missing()
}
