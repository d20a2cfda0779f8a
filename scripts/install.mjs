// Installs what package-lock.json asks for and node_modules lacks. Uses nothing but Node.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { runChild } from './child.mjs'

const TIMEOUT_MS = 15 * 60_000

/**
 * The first package that the lock file names and node_modules lacks or has in another version.
 * @param {string} root
 * @returns {string | undefined}
 */
export function missingPackage(root) {
  const wanted = readLock(path.join(root, 'package-lock.json'))
  const installed = readLock(path.join(root, 'node_modules', '.package-lock.json'))
  if (installed === undefined) return 'node_modules'
  for (const [place, entry] of Object.entries(wanted ?? {})) {
    if (!place.includes('node_modules/') || entry.optional === true || entry.devOptional === true) continue
    if (installed[place]?.version !== entry.version || !existsSync(path.join(root, place))) return place
  }
  return undefined
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }> | undefined}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return undefined
  }
}

/**
 * Installs when something is missing: everything afresh without node_modules, else only the difference.
 * @param {string} root
 * @returns {Promise<boolean>} whether all is there now
 */
export async function ensureInstalled(root) {
  const missing = missingPackage(root)
  if (missing === undefined) return true
  console.error(`Installing dependencies (${missing} is missing) ...`)
  const action = missing === 'node_modules' ? 'ci' : 'install'
  // NODE_ENV=production must not leave out what builds the page.
  const args = [action, '--include=dev', '--no-audit', '--no-fund']
  const npm = process.env['npm_execpath']
  const [command, before] = npm === undefined ? ['npm', []] : [process.execPath, [npm]]
  const { code, timedOut } = await runChild(command, [...before, ...args], { cwd: root, timeoutMs: TIMEOUT_MS })
  if (timedOut) console.error(`npm ${action} did not end within ${TIMEOUT_MS / 60_000} minutes`)
  return code === 0
}
