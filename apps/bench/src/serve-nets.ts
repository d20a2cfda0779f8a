import { servePage } from './serve-page.ts'

const NETS = '/nets/'

/** Files by name (nets, and what belongs to them), made when the page asks for them. */
export type Nets = Map<string, () => Uint8Array>

/** The address of a net on the page. */
export const netUrl = (name: string): string => NETS + encodeURIComponent(name)

/** A benchmark's page, the folder `root`, cross-origin isolated as Roomful's own, and the nets. */
export function serveNets(root: URL, nets: Nets): Promise<AsyncDisposable & { url: string }> {
  return servePage(root, {
    server: {
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
}
