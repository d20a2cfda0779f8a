declare module 'peerjs/dist/bundler.mjs' {
  export { Peer } from 'peerjs'
}
