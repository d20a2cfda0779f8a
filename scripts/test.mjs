// npm test: installs what is missing, then lint, types, imports, licences, unit, training and end-to-end tests.
// The last line of its output is `N passed, N failed`; exit code 1 when anything failed.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBrowsers } from './browsers.mjs'
import { ensureBuilt } from './build.mjs'
import { runChild } from './child.mjs'
import { ensureInstalled } from './install.mjs'
import { countPlaywright, countUnittest, countVitest } from './test-counts.mjs'

/** @typedef {import('./test-counts.mjs').Counts} Counts */
/** @typedef {{ name: string, run: () => Promise<Counts> }} Stage */

const MINUTE = 60_000
const root = fileURLToPath(new URL('..', import.meta.url))
const reports = mkdtempSync(path.join(tmpdir(), 'roomful-test-'))
const bin = (/** @type {string[]} */ ...parts) => path.join(root, 'node_modules', ...parts)

/**
 * A stage that passes or fails as one.
 * @param {string} name
 * @param {readonly string[]} nodeArgs
 * @param {number} minutes
 * @returns {Stage}
 */
function check(name, nodeArgs, minutes) {
  return {
    name,
    run: async () => {
      const { code } = await runChild(process.execPath, nodeArgs, { cwd: root, timeoutMs: minutes * MINUTE })
      return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
    },
  }
}

/**
 * Runs a test runner that writes a JSON report. A runner that ends badly without naming a failed test counts as one.
 * @param {readonly string[]} nodeArgs
 * @param {string} report
 * @param {number} minutes
 * @param {(report: unknown) => Counts} count
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Counts>}
 */
async function runReported(nodeArgs, report, minutes, count, env) {
  const { code, timedOut } = await runChild(process.execPath, nodeArgs, {
    cwd: root,
    timeoutMs: minutes * MINUTE,
    env: { ...process.env, ...env },
  })
  if (timedOut) console.error(`did not end within ${minutes} minutes`)
  const counts = existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8'))) : { passed: 0, failed: 0 }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

/** @type {Stage} */
const unit = {
  name: 'unit',
  run: () => {
    const report = path.join(reports, 'vitest.json')
    const args = [
      bin('vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]
    return runReported(args, report, 40, countVitest)
  },
}

/** @type {Stage} */
const training = {
  name: 'training',
  run: async () => {
    const python = ['/usr/bin/python3', '/usr/local/bin/python3', '/opt/homebrew/bin/python3'].find((file) =>
      existsSync(file),
    )
    const options = { cwd: root, capture: true }
    const torch = python && (await runChild(python, ['-c', 'import torch'], { ...options, timeoutMs: 2 * MINUTE }))
    if (python === undefined || torch?.code !== 0) {
      console.log(`training tests skipped: ${python === undefined ? 'no python3' : `${python} has no torch`}`)
      return { passed: 0, failed: 0 }
    }
    const args = ['-m', 'unittest', 'discover', '-s', 'training/tests']
    const { code, output } = await runChild(python, args, { ...options, timeoutMs: 30 * MINUTE })
    return countUnittest(output, code === 0)
  },
}

/** @type {Stage} */
const endToEnd = {
  name: 'e2e',
  run: async () => {
    if (!(await ensureBuilt(root))) return { passed: 0, failed: 1 }
    const missing = await ensureBrowsers(root)
    if (missing.length > 0) console.error(`not installed and not installable: ${missing.join(', ')}`)
    const report = path.join(reports, 'playwright.json')
    const config = path.join(root, 'e2e', 'playwright.config.ts')
    const args = [bin('playwright', 'cli.js'), 'test', '-c', config, '--reporter=list,json']
    return runReported(args, report, 60, countPlaywright, { PLAYWRIGHT_JSON_OUTPUT_FILE: report })
  },
}

/** @type {readonly Stage[]} */
const STAGES = [
  check('lint', [bin('@biomejs', 'biome', 'bin', 'biome'), 'check', '.'], 5),
  check('types', [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'], 10),
  check('types without DOM', [bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.nodom.json'], 10),
  check('imports', [path.join(root, 'scripts', 'check-imports.mjs')], 2),
  check('licences', [path.join(root, 'scripts', 'check-licences.mjs')], 2),
  unit,
  training,
  endToEnd,
]

/** @returns {Promise<Counts>} */
async function main() {
  if (!(await ensureInstalled(root))) {
    console.error('the dependencies could not be installed')
    return { passed: 0, failed: 1 }
  }
  const only = process.argv.slice(2)
  const unknown = only.find((name) => !STAGES.some((stage) => stage.name === name))
  if (unknown !== undefined) {
    console.error(`no stage is called ${unknown}; there are ${STAGES.map((stage) => stage.name).join(', ')}`)
    process.exit(2)
  }
  const lines = []
  const sum = { passed: 0, failed: 0 }
  for (const stage of STAGES.filter(({ name }) => only.length === 0 || only.includes(name))) {
    console.log(`\n== ${stage.name}`)
    const startMs = performance.now()
    const counts = await stage.run().catch((error) => {
      console.error(error)
      return { passed: 0, failed: 1 }
    })
    sum.passed += counts.passed
    sum.failed += counts.failed
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
    lines.push(`${stage.name.padEnd(18)} ${counts.passed} passed, ${counts.failed} failed  (${seconds} s)`)
  }
  console.log(`\n${lines.join('\n')}`)
  return sum
}

const { passed, failed } = await main().finally(() => rmSync(reports, { recursive: true, force: true }))
process.stdout.write(`${passed} passed, ${failed} failed\n`, () => process.exit(failed === 0 ? 0 : 1))
