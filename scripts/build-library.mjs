// npm run build:library: packages/roomful as it is published: ESM, declarations, workers and WASM in packages/roomful/dist.
// `npm pack ./packages/roomful/dist` then makes the tarball.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { runChild } from './child.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const library = path.join(root, 'packages', 'roomful')
const out = path.join(library, 'dist')
/** The workspaces whose types the public ones refer to. */
const TYPED = [
  'roomful',
  'core',
  'tensor',
  'graph',
  'model',
  'protocol',
  'planner',
  'engine',
  'transport',
  'cache',
  'runtime',
]
const WORKERS = {
  'engine.worker': path.join(root, 'packages/engine/src/worker/engine.worker.ts'),
  'prepare.worker': path.join(library, 'src/model/prepare.worker.ts'),
  'planning.worker': path.join(library, 'src/plan/planning.worker.ts'),
  'codec.worker': path.join(root, 'packages/engine/src/codec/codec.worker.ts'),
}
const TYPES_TIMEOUT_MS = 300_000

rmSync(out, { recursive: true, force: true })
await bundle()
await declarations()
describe()

/** One ES module beside its workers and WASM files, all found relative to it. */
async function bundle() {
  await build({
    configFile: false,
    root: library,
    base: './',
    publicDir: false,
    logLevel: 'warn',
    resolve: { alias: [{ find: /^simple-peer$/, replacement: 'simple-peer/simplepeer.min.js' }] },
    plugins: [workersAsEntries()],
    build: {
      outDir: out,
      target: 'es2023',
      assetsInlineLimit: 0,
      modulePreload: false,
      chunkSizeWarningLimit: 2000,
      rolldownOptions: {
        input: { index: path.join(library, 'src', 'index.ts'), ...WORKERS },
        preserveEntrySignatures: 'strict',
        output: { entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' },
      },
    },
  })
}

/**
 * Leaves `new Worker(new URL(...))` for the bundler of the page that uses the library: only that one can place workers. Each
 * worker becomes an entry beside index.js, and every chunk lies in the same folder, so that the URL holds from all of them.
 */
function workersAsEntries() {
  return {
    name: 'workers-as-entries',
    enforce: /** @type {const} */ ('pre'),
    /** @param {string} code @param {string} id */
    transform(code, id) {
      if (!id.endsWith('.ts') || !code.includes('.worker.ts')) return undefined
      return code.replaceAll(/new URL\('\.\/(\w+)\.worker\.ts'/g, 'new URL(__ROOMFUL_WORKER_$1__')
    },
    /** @param {string} code */
    renderChunk(code) {
      if (!code.includes('__ROOMFUL_WORKER_')) return undefined
      return code.replaceAll(/__ROOMFUL_WORKER_(\w+?)__/g, '"./$1.worker.js"')
    },
  }
}

/** Declarations of every workspace below `types/`, referring to each other by relative paths. */
async function declarations() {
  const config = path.join(out, 'tsconfig.types.json')
  mkdirSync(out, { recursive: true })
  const options = {
    extends: path.relative(out, path.join(root, 'tsconfig.json')),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: path.relative(out, path.join(root, 'packages')),
      outDir: 'types',
      // As sources, not as dependencies: declarations are only made of sources.
      paths: {
        '@roomful/*': [`${path.relative(out, path.join(root, 'packages')).split(path.sep).join('/')}/*/src/index.ts`],
      },
    },
    include: [],
    files: [
      path.relative(out, path.join(library, 'src', 'index.ts')),
      path.relative(out, path.join(root, 'packages/engine/src/vite-assets.d.ts')),
      path.relative(out, path.join(root, 'packages/transport/src/simple-peer.d.ts')),
    ],
  }
  writeFileSync(config, JSON.stringify(options))
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code } = await runChild(process.execPath, [tsc, '-p', config], { cwd: root, timeoutMs: TYPES_TIMEOUT_MS })
  rmSync(config)
  if (code !== 0) throw new Error('the declarations could not be made')
  for (const file of filesBelow(path.join(out, 'types'))) {
    writeFileSync(file, withRelativeImports(readFileSync(file, 'utf8'), file))
  }
}

/** @param {string} text @param {string} file */
function withRelativeImports(text, file) {
  const toWorkspaces = path.relative(path.dirname(file), path.join(out, 'types')).split(path.sep).join('/')
  return text
    .replaceAll(/(['"])@roomful\/([a-z]+)\1/g, (whole, quote, name) =>
      TYPED.includes(name) ? `${quote}${toWorkspaces}/${name}/src/index.js${quote}` : whole,
    )
    .replaceAll(/(from\s+|import\()(['"])(\.{1,2}\/[^'"]+)\.ts\2/g, '$1$2$3.js$2')
}

/** @param {string} folder @returns {string[]} */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.d.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/** What npm needs to know; nothing is installed with it, since everything is bundled. */
function describe() {
  const { name, version, license } = JSON.parse(readFileSync(path.join(library, 'package.json'), 'utf8'))
  const description = {
    name,
    version,
    license,
    description: 'Run a CNN on the phones and laptops in a room, together, in their browsers',
    type: 'module',
    sideEffects: false,
    exports: { '.': { types: './types/roomful/src/index.d.ts', default: './index.js' } },
    files: ['*.js', 'assets', 'types', 'README.md', 'LICENSE'],
    // The declarations name types of these.
    dependencies: { '@bufbuild/protobuf': '^2.17.0', valibot: '^1.5.0' },
  }
  writeFileSync(path.join(out, 'package.json'), `${JSON.stringify(description, null, 2)}\n`)
  cpSync(path.join(library, 'README.md'), path.join(out, 'README.md'))
  cpSync(path.join(root, 'LICENSE'), path.join(out, 'LICENSE'))
}
