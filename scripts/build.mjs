// Builds the page unless the last complete build is newer than everything it is made of.
import { existsSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { runChild } from './child.mjs'

const TIMEOUT_MS = 10 * 60_000
const SOURCES = ['apps/web', 'packages', 'public', 'scripts/precompress.ts', 'vite.config.ts', 'package-lock.json']

/**
 * @param {string} root
 * @returns {boolean}
 */
export function isBuilt(root) {
  const done = path.join(root, 'dist', '.complete')
  if (!existsSync(done)) return false
  const builtMs = statSync(done).mtimeMs
  return SOURCES.every((source) => newestMs(path.join(root, source)) <= builtMs)
}

/**
 * When anything in a file or folder last changed; a folder's own time tells of removed files. Tests do not count.
 * @param {string} place
 * @returns {number}
 */
function newestMs(place) {
  const info = statSync(place, { throwIfNoEntry: false })
  if (info === undefined) return 0
  if (!info.isDirectory()) return /\.test\.tsx?$/.test(place) ? 0 : info.mtimeMs
  const inside = readdirSync(place)
    .filter((name) => name !== 'node_modules' && name !== 'dist')
    .map((name) => newestMs(path.join(place, name)))
  return Math.max(info.mtimeMs, ...inside)
}

/**
 * @param {string} root
 * @returns {Promise<boolean>} whether the page is built now
 */
export async function ensureBuilt(root) {
  if (isBuilt(root)) return true
  console.error('Building the page ...')
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const args = [vite, 'build', '--logLevel', 'warn']
  const { code, timedOut } = await runChild(process.execPath, args, { cwd: root, timeoutMs: TIMEOUT_MS })
  if (timedOut) console.error(`the build did not end within ${TIMEOUT_MS / 60_000} minutes`)
  return code === 0
}
