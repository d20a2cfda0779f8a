import { setMaxListeners } from 'node:events'

import { runCommandLine } from './run.ts'

const controller = new AbortController()
/** Every request in flight listens for its end: any number is no leak. */
setMaxListeners(0, controller.signal)
/** One press may arrive twice: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 1_000
let firstMs = Number.POSITIVE_INFINITY
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // Who asks again does not want to wait for an orderly end.
    if (performance.now() - firstMs > SAME_PRESS_MS) process.exit(130)
    firstMs = Math.min(firstMs, performance.now())
    controller.abort()
  })
}

/** Who reads no further (`| head`) wants no more, and no stack of calls either. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`roomful: standard output cannot be written: ${error.message}\n`)
  process.exit(1)
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.env['INIT_CWD'] ?? process.cwd(),
  signal: controller.signal,
})
