import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'

/** The test page under Vite's development server, cross-origin isolated unless told otherwise. */
export async function servePage(isolated = true): Promise<AsyncDisposable & { url: string }> {
  const headers = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  }
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL('.', import.meta.url)),
    logLevel: 'error',
    server: {
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      fs: { allow: [fileURLToPath(new URL('../../../..', import.meta.url))] },
      ...(isolated ? { headers } : {}),
    },
    worker: { format: 'es' },
    // Found only inside workers: without this list the server would bundle them in the middle of a test.
    optimizeDeps: {
      exclude: ['onnxruntime-web'],
      include: [
        '@bufbuild/protobuf',
        '@bufbuild/protobuf/codegenv2',
        '@bufbuild/protobuf/wire',
        '@tensorflow/tfjs-core',
        '@tensorflow/tfjs-backend-webgl',
        '@tensorflow/tfjs-backend-webgpu',
        'idb-keyval',
        'pure-rand/generator/xoroshiro128plus',
        'valibot',
      ],
    },
  })
  await server.listen()
  const [url] = server.resolvedUrls?.local ?? []
  if (url === undefined) throw new Error('the test page has no address')
  return { url, [Symbol.asyncDispose]: () => server.close() }
}
