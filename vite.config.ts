import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { precompress } from './scripts/precompress.ts'
import { ISOLATION_HEADERS } from './signaling-server/src/http/headers.ts'

const at = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const outDir = at('dist')
/** Where `npm run dev` finds the signalling (`npm run roomful -- serve --http`). */
const signalling = 'http://localhost:8080'

export default defineConfig({
  root: at('apps/web'),
  // Relative, so that the built page also works below a path.
  base: './',
  publicDir: at('public'),
  cacheDir: at('node_modules/.vite'),
  resolve: {
    // simple-peer's own entry expects Node's globals; its browser bundle does not.
    alias: [{ find: /^simple-peer$/, replacement: 'simple-peer/simplepeer.min.js' }],
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  // ONNX Runtime finds its WASM beside its own module; pre-bundling would move the module away from it.
  optimizeDeps: { exclude: ['onnxruntime-web'] },
  worker: { format: 'es' },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2023',
    sourcemap: false,
    // WASM and models stay files: streamed, cached and compressed on their own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      // Compressing takes longer than bundling, and that is no news.
      checks: { pluginTimings: false },
      output: {
        codeSplitting: {
          groups: [
            { name: 'tfjs', test: /node_modules[\\/]@tensorflow[\\/]/ },
            { name: 'onnxruntime', test: /node_modules[\\/]onnxruntime-(web|common)[\\/]/ },
          ],
        },
      },
    },
  },
  server: {
    headers: { ...ISOLATION_HEADERS },
    proxy: { '/socket.io': { target: signalling, ws: true }, '/ice': signalling },
  },
  preview: { headers: { ...ISOLATION_HEADERS } },
  plugins: [
    precompress({
      outDir,
      cacheDir: at('node_modules/.cache/roomful-precompress'),
      doneFile: path.join(outDir, '.complete'),
    }),
  ],
})
