import { servePage } from '../serve-page.ts'

export const serveTransportPage = () =>
  servePage(new URL('page', import.meta.url), {
    // An isolated page's clock counts in steps of 5 us, any other's in steps of 100: a tenth of a small message's echo.
    server: {
      headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
    },
    optimizeDeps: {
      include: ['simple-peer/simplepeer.min.js', 'socket.io-client', 'valibot', 'peerjs/dist/bundler.mjs'],
    },
  })
