// `npm run roomful -- CMD`: the command line without a build. Installs the dependencies first on a fresh clone.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

if (!existsSync(path.join(root, 'node_modules', 'tsx'))) {
  process.stderr.write('roomful: installing dependencies (once)...\n')
  const npm = process.env['npm_execpath']
  const [file, ...rest] = npm === undefined ? ['npm'] : [process.execPath, npm]
  // Standard output belongs to the command's answer: npm's goes to standard error.
  const done = spawnSync(file, [...rest, 'install', '--no-fund', '--no-audit'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (done.status !== 0) {
    process.stderr.write('roomful: npm install failed; run it by hand in the project folder\n')
    process.exit(1)
  }
}

const tsx = pathToFileURL(createRequire(path.join(root, 'package.json')).resolve('tsx')).href
const child = spawn(
  process.execPath,
  ['--import', tsx, path.join(root, 'apps/cli/src/main.ts'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
