// The browser bundle: the package's own entry expects Node's globals, which Vite does not provide.
declare module 'simple-peer/simplepeer.min.js' {
  import SimplePeer from 'simple-peer'
  export default SimplePeer
}
