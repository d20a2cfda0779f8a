// Plain JavaScript without dependencies: `npm start` reads its options before anything is installed.
import { parseArgs } from 'node:util'

export const SERVE_OPTIONS = /** @type {const} */ ({
  http: { type: 'boolean' },
  port: { type: 'string' },
  host: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  'new-room': { type: 'boolean' },
})

export const SERVE_HELP = `  --port N       port to listen on (default 8443; 8080 with --http)
  --host ADDRESS address to listen on (default 0.0.0.0: all networks of this machine)
  --http         no HTTPS: for this machine only, or behind a proxy that speaks HTTPS
  --cert FILE    certificate (PEM) to use instead of the self-made one; needs --key
  --key FILE     private key (PEM) of --cert
  --new-room     make a new room; otherwise the invite link stays the same from start to start
`

/**
 * Checks what parseArgs cannot.
 * @param {Record<string, string | boolean | undefined>} values
 * @returns {{ ok: true, options: import('./options.mjs').ServeOptions } | { ok: false, message: string }}
 */
export function checkServeValues(values) {
  const text = (/** @type {string} */ name) => (typeof values[name] === 'string' ? values[name] : undefined)
  const plain = values['http'] === true
  const port = Number(text('port') ?? (plain ? '8080' : '8443'))
  if (text('port')?.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65535) {
    return { ok: false, message: `--port ${text('port')}: a number from 0 to 65535 is expected` }
  }
  const [cert, key] = [text('cert'), text('key')]
  if ((cert === undefined) !== (key === undefined)) return { ok: false, message: '--cert and --key belong together' }
  if (plain && cert !== undefined) return { ok: false, message: '--http and --cert exclude each other' }
  const host = text('host') ?? '0.0.0.0'
  if (host === '') return { ok: false, message: '--host needs an address' }
  return { ok: true, options: { http: plain, port, host, cert, key, newRoom: values['new-room'] === true } }
}

/**
 * @param {readonly string[]} argv
 * @returns {ReturnType<typeof checkServeValues> | { ok: 'help' }}
 */
export function parseServeOptions(argv) {
  try {
    const options = { ...SERVE_OPTIONS, help: /** @type {const} */ ({ type: 'boolean', short: 'h' }) }
    const { values } = parseArgs({ args: [...argv], options, allowPositionals: false, strict: true })
    return values.help === true ? { ok: 'help' } : checkServeValues(values)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { ok: false, message: message.split('. ', 1)[0] ?? message }
  }
}
