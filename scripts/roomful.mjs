// `npm run roomful -- CMD`: the command line without a build. Installs the dependencies first on a fresh clone.
import { spawn, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { missingPackage } from './install.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')

if (missingPackage(root) !== undefined) {
  // In a process of its own: what npm prints goes to standard error, because standard output is the command's answer.
  const install = `import(${JSON.stringify(new URL('./install.mjs', import.meta.url).href)})
    .then(({ ensureInstalled }) => ensureInstalled(${JSON.stringify(root)}))
    .then((installed) => process.exit(installed ? 0 : 1))`
  const { status } = spawnSync(process.execPath, ['--eval', install], { stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    process.stderr.write('roomful: the dependencies cannot be installed; run npm install in the project folder\n')
    process.exit(1)
  }
}

const tsx = pathToFileURL(createRequire(path.join(root, 'package.json')).resolve('tsx')).href
const main = path.join(root, 'apps/cli/src/main.ts')
const child = spawn(process.execPath, ['--import', tsx, main, ...process.argv.slice(2)], { stdio: 'inherit' })
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
