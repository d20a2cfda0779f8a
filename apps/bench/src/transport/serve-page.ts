import { servePage } from '../serve-page.ts'

export const serveTransportPage = () =>
  servePage(new URL('page', import.meta.url), {
    optimizeDeps: {
      include: ['simple-peer/simplepeer.min.js', 'socket.io-client', 'valibot', 'peerjs/dist/bundler.mjs'],
    },
  })
