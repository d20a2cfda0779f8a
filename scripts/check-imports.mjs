// Checks the direction of imports between workspaces (ARCHITECTURE.md), and a few rules that keep seams where they are.
// Prints one line per violation; exit code 1 when there is any.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGES = ['core', 'tensor', 'graph', 'model', 'protocol', 'planner', 'engine', 'transport', 'cache', 'runtime']

/** What each workspace may import of the others, by folder name; tests may import anything. */
const ALLOWED = /** @type {Readonly<Record<string, readonly string[]>>} */ ({
  'packages/core': [],
  'packages/tensor': ['core'],
  'packages/graph': ['core', 'tensor'],
  'packages/model': ['core', 'tensor', 'graph'],
  'packages/protocol': ['core', 'tensor'],
  'packages/planner': ['core', 'graph', 'model'],
  'packages/engine': ['core', 'tensor', 'graph'],
  'packages/transport': ['core', 'protocol'],
  'packages/cache': ['core', 'tensor'],
  'packages/runtime': PACKAGES.filter((name) => name !== 'runtime'),
  'packages/simulator': PACKAGES,
  'packages/roomful': PACKAGES,
  'apps/web': ['roomful'],
  'apps/cli': [...PACKAGES, 'simulator', 'roomful', 'bench', 'signaling-server', 'e2e'],
  'apps/bench': [...PACKAGES, 'simulator', 'roomful', 'signaling-server', 'e2e'],
  'signaling-server': ['core', 'protocol'],
  e2e: [...PACKAGES, 'simulator', 'roomful', 'signaling-server', 'bench'],
})
/** Run in Node and browser alike: no node: modules outside tests. */
const PURE = new Set(
  ['core', 'tensor', 'graph', 'model', 'protocol', 'planner', 'simulator'].map((n) => `packages/${n}`),
)

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * The specifiers that a source file imports, statically or not.
 * @param {string} text
 * @returns {string[]}
 */
export function importsOf(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const statements = code.matchAll(/^\s*(?:import|export)\b(?:[^'"`;]*?\bfrom\s*)?\s*['"]([^'"\n]+)['"]/gm)
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]/g)
  return [...statements, ...calls].map((match) => match[1] ?? '')
}

/**
 * The violations of one file.
 * @param {string} workspace e.g. `packages/core`
 * @param {string} file relative to the repository, with forward slashes
 * @param {string} text
 * @param {{ name: string, dependencies: ReadonlySet<string>, devDependencies: ReadonlySet<string> }} manifest
 * @returns {string[]}
 */
export function violations(workspace, file, text, manifest) {
  const isTest = isTestFile(workspace, file)
  const found = []
  for (const specifier of importsOf(text)) {
    const complain = (/** @type {string} */ why) => found.push(`${file}: ${specifier}: ${why}`)
    if (specifier.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(file), specifier)
      // Benchmarks and end-to-end tests share the rig that starts rooms of browsers.
      const isRig = target.startsWith('e2e/rig/') && workspace === 'apps/bench'
      if (!target.startsWith(`${workspace}/`) && !isRig && workspace !== 'e2e')
        complain('another workspace is imported by its name')
      if (target === `${workspace}/src/index.ts` && !isTest) complain('the barrel is for other workspaces')
      continue
    }
    if (specifier.startsWith('node:')) {
      if (PURE.has(workspace) && !isTest) complain('this package also runs in browsers')
      continue
    }
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
    const sibling = /^(?:@roomful\/(.+)|(roomful))$/.exec(name)
    const siblingName = sibling?.[1] ?? sibling?.[2]
    if (name === manifest.name) complain('a workspace does not import itself by name')
    else if (siblingName !== undefined && !isTest && !ALLOWED[workspace]?.includes(siblingName)) {
      complain(`${workspace} may not import it (imports point one way)`)
    }
    if (!manifest.dependencies.has(name) && !(isTest && manifest.devDependencies.has(name)) && name !== manifest.name) {
      complain(`not a dependency of ${workspace}`)
    }
    if (name === 'simple-peer' && !file.startsWith('packages/transport/'))
      complain('only transport touches simple-peer')
  }
  return found
}

/**
 * Tests, and what is never shipped, may use development dependencies and look across the direction of imports.
 * @param {string} workspace
 * @param {string} file
 */
function isTestFile(workspace, file) {
  if (workspace === 'e2e' || workspace === 'apps/bench') return true
  return /\.(test|soak|spec|bench)\.tsx?$/.test(file) || /\/(testing|test|bench)\//.test(file.slice(workspace.length))
}

/** @param {string} folder */
function sourcesIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts|mjs)$/.test(entry.name) && !/\.d\.m?ts$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.includes(`${path.sep}node_modules${path.sep}`))
    .map((file) => path.relative(root, file).replaceAll(path.sep, '/'))
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'))
}

function main() {
  const shared = Object.keys(readJson('package.json').devDependencies)
  const found = []
  const simplePeerFiles = []
  for (const workspace of Object.keys(ALLOWED)) {
    const { name, dependencies = {}, devDependencies = {} } = readJson(`${workspace}/package.json`)
    const manifest = {
      name,
      dependencies: new Set(Object.keys(dependencies)),
      devDependencies: new Set([...Object.keys(devDependencies), ...shared]),
    }
    for (const file of sourcesIn(path.join(root, workspace))) {
      const text = readFileSync(path.join(root, file), 'utf8')
      found.push(...violations(workspace, file, text, manifest))
      if (importsOf(text).some((specifier) => specifier.split('/')[0] === 'simple-peer')) simplePeerFiles.push(file)
    }
  }
  if (simplePeerFiles.length > 1) found.push(`${simplePeerFiles.join(', ')}: only one file touches simple-peer`)
  for (const line of found) console.error(line)
  console.log(found.length === 0 ? 'imports: all point the right way' : `imports: ${found.length} violations`)
  process.exitCode = found.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
