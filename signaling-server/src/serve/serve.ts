import { existsSync } from 'node:fs'
import path from 'node:path'
import { formatInvite } from '@roomful/protocol'
import { renderUnicodeCompact } from 'uqr'
import { lanAddresses } from '../addresses.ts'
import { ServerError } from '../error.ts'
import { startServer } from '../server.ts'
import { keptCertificate, readCertificate } from './certificate.ts'
import type { ServeOptions } from './options.mjs'
import { keptRoomKey } from './room-key.ts'

export { checkServeValues, SERVE_HELP, SERVE_OPTIONS, type ServeOptions } from './options.mjs'

export interface ServeContext {
  /** Folder of the built page. */
  readonly dist: string
  /** Where certificate and room key are kept (`.roomful`). */
  readonly stateFolder: string
  readonly print: (line: string) => void
  /** Ends the server. */
  readonly signal: AbortSignal
  readonly redisUrl?: string | undefined
  /** Called once the server can be reached. */
  readonly onReady?: (urls: { readonly urls: readonly string[]; readonly invites: readonly string[] }) => void
}

/**
 * Serves page and signalling until `signal` aborts; prints the invite links and a QR code.
 * @throws ServerError
 */
export async function serve(options: ServeOptions, context: ServeContext): Promise<void> {
  if (!existsSync(path.join(context.dist, 'index.html'))) {
    throw new ServerError('usage', 'the page is not built yet: run `npm start` or `npm run build` first')
  }
  const tls = options.http ? undefined : await certificate(options, context)
  const { signal, print } = context
  const server = await startServer({
    host: options.host,
    port: options.port,
    tls,
    dist: context.dist,
    redisUrl: context.redisUrl,
    log: print,
  })
  try {
    const key = await keptRoomKey(context.stateFolder, options.newRoom)
    const invites = server.urls.map((url) => formatInvite(url, key))
    announce(invites, options, print)
    context.onReady?.({ urls: server.urls, invites })
    await aborted(signal)
  } finally {
    await server.close()
  }
}

async function certificate(options: ServeOptions, { stateFolder, print }: ServeContext) {
  if (options.cert !== undefined && options.key !== undefined) return readCertificate(options.cert, options.key)
  const made = await keptCertificate(stateFolder, lanAddresses(), Date.now())
  if (made.renewed) print('Made a certificate for this machine; browsers ask once whether to trust it.')
  return made
}

/** The QR code shows the first network address: that is what a phone can reach. */
function announce(invites: readonly string[], options: ServeOptions, print: (line: string) => void): void {
  const forPhones = invites[1] ?? invites[0]
  if (forPhones === undefined) return
  print(renderUnicodeCompact(forPhones, { border: 2 }))
  print('Roomful is ready. Open one of these on each device (the part after # is the room key):')
  for (const invite of invites) print(`  ${invite}`)
  if (options.http)
    print('Over plain HTTP only this machine gets camera, WebGPU and threads; other devices need HTTPS.')
  else if (options.cert === undefined) print('The certificate is self-made: continue past the warning once per device.')
  print('Ctrl-C ends it.')
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
