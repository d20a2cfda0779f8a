import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { CommandError } from '../command.ts'

const BUILD_TIMEOUT_MS = 10 * 60_000

/** Builds the page that the emulated devices open where there is none; one that is there is taken as it is. @throws CommandError */
export async function pageBuilt(root: string, dist: string, say: (line: string) => void): Promise<void> {
  if (existsSync(path.join(dist, 'index.html'))) return
  say('Building the page ...')
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const options = { cwd: root, timeout: BUILD_TIMEOUT_MS, maxBuffer: 1 << 24 }
  await promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'warn'], options).catch(
    (cause: unknown) => {
      throw new CommandError('file', 'the page could not be built: see npm run build', { cause })
    },
  )
}
