// npm run soak: the long tests (`*.soak.ts`), which npm test leaves out. Arguments choose files, as with vitest;
// --short cuts the runs to minutes.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBuilt } from './build.mjs'
import { runChild } from './child.mjs'
import { ensureInstalled } from './install.mjs'

const TIMEOUT_MS = 12 * 3600_000
const root = fileURLToPath(new URL('..', import.meta.url))

if (!(await ensureInstalled(root)) || !(await ensureBuilt(root))) process.exit(1)
const given = process.argv.slice(2)
const isShort = given.includes('--short')
const args = [
  path.join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  ...given.filter((argument) => argument !== '--short'),
]
const env = { ...process.env, ROOMFUL_SOAK: '1', ...(isShort ? { ROOMFUL_SOAK_SHORT: '1' } : {}) }
const { code } = await runChild(process.execPath, args, { cwd: root, timeoutMs: TIMEOUT_MS, env })
process.exit(code ?? 1)
