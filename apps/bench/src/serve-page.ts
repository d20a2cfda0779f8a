import { fileURLToPath } from 'node:url'
import { createServer, type InlineConfig } from 'vite'

/** A benchmark's page, the folder `root`, under Vite's development server on a free port of this machine. */
export async function servePage(root: URL, options: InlineConfig = {}): Promise<AsyncDisposable & { url: string }> {
  const server = await createServer({
    ...options,
    configFile: false,
    root: fileURLToPath(root),
    logLevel: 'error',
    server: {
      ...options.server,
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      fs: { allow: [fileURLToPath(new URL('../../..', import.meta.url))] },
    },
  })
  await server.listen()
  const [url] = server.resolvedUrls?.local ?? []
  if (url === undefined) throw new Error('the benchmark page has no address')
  return { url, [Symbol.asyncDispose]: () => server.close() }
}
