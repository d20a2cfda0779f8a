import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { CommandError } from '../command.ts'

const BUILD_TIMEOUT_MS = 10 * 60_000

/**
 * Builds the page that the emulated devices open where there is none, or where its sources have changed since, as `npm start` and the
 * tests do. A page of ROOMFUL_DIST is taken as it is. Resolves to what a reader of the figures must know of it, a sentence each.
 * @throws CommandError
 */
export async function pageBuilt(root: string, dist: string, say: (line: string) => void): Promise<string[]> {
  const isThere = existsSync(path.join(dist, 'index.html'))
  const isOwn = path.resolve(dist) === path.join(root, 'dist')
  if (isThere && (!isOwn || (await isUpToDate(root)))) return []
  if (!isOwn) throw new CommandError('file', `${dist} holds no built page`)
  say(isThere ? 'The page is older than its sources: building it anew ...' : 'Building the page ...')
  const startMs = performance.now()
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const options = { cwd: root, timeout: BUILD_TIMEOUT_MS, maxBuffer: 1 << 24 }
  await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'warn'], options).catch(
    (cause: unknown) => {
      throw new CommandError('file', 'the page could not be built: see npm run build', { cause })
    },
  )
  return [`the page was built first, which took ${((performance.now() - startMs) / 1000).toFixed(0)} s of the time`]
}

/** The rule of `npm run build` and `npm test`. */
async function isUpToDate(root: string): Promise<boolean> {
  const build = pathToFileURL(path.join(root, 'scripts', 'build.mjs')).href
  const { isBuilt } = (await import(build)) as { isBuilt(root: string): boolean }
  return isBuilt(root)
}
