// npm start: installs what is missing, builds, serves page and signalling on one port.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseServeOptions, SERVE_HELP } from '../signaling-server/src/serve/options.mjs'
import { ensureBuilt } from './build.mjs'
import { ensureInstalled } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @returns {Promise<number>} the exit code */
async function main() {
  const parsed = parseServeOptions(process.argv.slice(2))
  if (parsed.ok === 'help') {
    process.stdout.write(`npm start [-- OPTIONS]\n\n${SERVE_HELP}`)
    return 0
  }
  if (!parsed.ok) {
    console.error(`${parsed.message} (npm start -- --help lists the options)`)
    return 2
  }
  if (!(await ensureInstalled(root)) || !(await ensureBuilt(root))) return 1
  const { register } = await import('tsx/esm/api')
  register()
  const { serve } = await import('../signaling-server/src/serve/serve.ts')
  // Paths are meant as seen from where npm was called.
  const absolute = (/** @type {string | undefined} */ file) =>
    file === undefined ? undefined : path.resolve(process.env['INIT_CWD'] ?? process.cwd(), file)
  const { cert, key } = parsed.options
  await serve(
    { ...parsed.options, cert: absolute(cert), key: absolute(key) },
    {
      dist: path.join(root, 'dist'),
      stateFolder: path.join(root, '.roomful'),
      print: (line) => console.log(line),
      signal: interrupted(),
      redisUrl: process.env['REDIS_URL'],
    },
  )
  return 0
}

/**
 * Aborts on the first Ctrl-C (or SIGTERM); another one a moment later does not wait. (Terminal and npm both pass a Ctrl-C
 * on, so that one keystroke arrives twice. package.json starts this script with `exec`, without which the shell between
 * keeps signals for itself; on Windows run `node scripts/start.mjs`.)
 */
function interrupted() {
  const controller = new AbortController()
  let firstMs = 0
  const onSignal = () => {
    if (controller.signal.aborted && performance.now() - firstMs > 500) process.exit(130)
    if (!controller.signal.aborted) firstMs = performance.now()
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('SIGHUP', onSignal)
  return controller.signal
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof Error ? error.message.split('\n', 1)[0] : String(error))
    process.exit(1)
  },
)
