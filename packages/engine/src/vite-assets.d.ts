/** Vite: the URL of a file that the build puts among its hashed assets. */
declare module '*?url' {
  const url: string
  export default url
}
