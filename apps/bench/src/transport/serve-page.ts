import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'

/** The benchmark's page under Vite's development server. */
export async function servePage(): Promise<AsyncDisposable & { url: string }> {
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL('page', import.meta.url)),
    logLevel: 'error',
    server: {
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      fs: { allow: [fileURLToPath(new URL('../../../..', import.meta.url))] },
    },
    optimizeDeps: {
      include: ['simple-peer/simplepeer.min.js', 'socket.io-client', 'valibot', 'peerjs/dist/bundler.mjs'],
    },
  })
  await server.listen()
  const [url] = server.resolvedUrls?.local ?? []
  if (url === undefined) throw new Error('the benchmark page has no address')
  return { url, [Symbol.asyncDispose]: () => server.close() }
}
