import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript',
  wasm: 'application/wasm',
}

/**
 * The page of one library alone, bundled as a site would be, and the network beside it under `name`. Cross-origin isolated, as
 * Roomful's page is.
 */
export async function serveAlone(name: string, net: Uint8Array): Promise<AsyncDisposable & { readonly url: string }> {
  const files = await bundled()
  files.set(name, net)
  const server = createServer(({ url = '/' }, response) => {
    const path = url === '/' ? 'index.html' : url.slice(1)
    const file = files.get(path)
    response.writeHead(file === undefined ? 404 : 200, {
      'Content-Type': TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    })
    response.end(file)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function bundled(): Promise<Map<string, string | Uint8Array>> {
  const result = await build({
    configFile: false,
    root: fileURLToPath(new URL('page', import.meta.url)),
    base: './',
    logLevel: 'error',
    build: { write: false, target: 'es2022', minify: false, reportCompressedSize: false, assetsInlineLimit: 0 },
  })
  if (!('output' in result)) throw new Error('the page of one library alone was not built')
  return new Map(result.output.map((each) => [each.fileName, each.type === 'chunk' ? each.code : each.source]))
}
