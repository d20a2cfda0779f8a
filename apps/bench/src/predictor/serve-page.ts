import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'

const NETS = '/nets/'

/** Nets by name, made when the page asks for them. */
export type Nets = Map<string, () => Uint8Array>

/** The address of a net on the page. */
export const netUrl = (name: string): string => NETS + encodeURIComponent(name)

/** The benchmark's page under Vite's development server, cross-origin isolated as Roomful's own, and the nets. */
export async function servePage(nets: Nets): Promise<AsyncDisposable & { url: string }> {
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL('page', import.meta.url)),
    logLevel: 'error',
    server: {
      host: '127.0.0.1',
      port: 0,
      hmr: false,
      fs: { allow: [fileURLToPath(new URL('../../../..', import.meta.url))] },
      headers: {
        'Cross-Origin-Opener-Policy': 'same-origin',
        'Cross-Origin-Embedder-Policy': 'require-corp',
      },
    },
    worker: { format: 'es' },
    optimizeDeps: {
      exclude: ['onnxruntime-web'],
      include: ['pure-rand/generator/xoroshiro128plus', 'idb-keyval', '@bufbuild/protobuf', 'valibot'],
    },
    plugins: [
      {
        name: 'nets',
        configureServer({ middlewares }) {
          middlewares.use((request, response, next) => {
            const { url = '' } = request
            if (!url.startsWith(NETS)) return next()
            const net = nets.get(decodeURIComponent(url.slice(NETS.length)))
            response.writeHead(net === undefined ? 404 : 200, { 'Content-Type': 'application/octet-stream' })
            response.end(net?.())
          })
        },
      },
    ],
  })
  await server.listen()
  const [url] = server.resolvedUrls?.local ?? []
  if (url === undefined) throw new Error('the benchmark page has no address')
  return { url, [Symbol.asyncDispose]: () => server.close() }
}
