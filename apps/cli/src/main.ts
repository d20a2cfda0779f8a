import { runCommandLine } from './run.ts'

const controller = new AbortController()
process.on('SIGINT', () => controller.abort())

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  cwd: process.env['INIT_CWD'] ?? process.cwd(),
  signal: controller.signal,
})
