import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Clock, sleep, systemClock } from '@roomful/core'
import type { ClientEvents, ServerEvents } from '@roomful/protocol'
import { Server } from 'socket.io'
import { reachableUrls } from './addresses.ts'
import { ConnectionCounter } from './connections.ts'
import { ServerError } from './error.ts'
import { createHandler } from './http/handler.ts'
import { type IceConfig, iceConfigFrom } from './http/ice.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { Metrics } from './metrics.ts'
import { type OpenStore, openStore } from './registry/open-store.ts'
import { Signalling } from './signalling.ts'

export interface ServerOptions {
  /** Address to listen on; default `127.0.0.1`. */
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
  /** PEM texts; with them the server speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** Folder of the built page, served beside the signalling. */
  readonly dist?: string | undefined
  /** Origins besides our own that may use the signalling; default none. `*` allows all. */
  readonly cors?: readonly string[]
  /** Share rooms between several servers. */
  readonly redisUrl?: string | undefined
  readonly ice?: IceConfig
  readonly limits?: Partial<Limits>
  /** Answers WebSocket upgrades with 400, as some networks and iOS on a self-made certificate do. */
  readonly refuseUpgrade?: boolean
  readonly clock?: Clock
  readonly log?: (line: string) => void
}

export interface RunningServer {
  readonly port: number
  /** Where the page can be opened: this machine's first, then its addresses in the network. */
  readonly urls: readonly string[]
  /** Tells every client, ends every connection and frees the port. May be called twice. */
  close(): Promise<void>
}

/** How long `close` lets the farewell travel before it cuts the connections. */
const FAREWELL_MS = 150

/**
 * Starts page and signalling on one port.
 * @throws ServerError `port-taken`, `address`, `certificate`, `redis`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', tls, clock = systemClock, log = () => {}, cors = [] } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const opened = await openStore(options.redisUrl, limits, clock, log)
  try {
    return await startOn(opened, { ...options, host, tls, clock, log, cors }, limits)
  } catch (error) {
    await opened.close()
    throw error
  }
}

type Settled = ServerOptions & Required<Pick<ServerOptions, 'host' | 'clock' | 'log' | 'cors'>>

async function startOn(opened: OpenStore, options: Settled, limits: Limits): Promise<RunningServer> {
  const { host, tls, clock, log, cors } = options
  const { store } = opened
  const metrics = new Metrics(store)
  const handler = createHandler({
    dist: options.dist,
    origins: cors,
    ice: options.ice ?? iceConfigFrom(process.env),
    iceRate: limits.rates.ice,
    metrics,
    clock,
    epochSeconds: () => Date.now() / 1000,
  })
  const web = createWebServer(tls, handler)
  const io = new Server<ClientEvents, ServerEvents>(web, {
    serveClient: false,
    transports: ['polling', 'websocket'],
    maxHttpBufferSize: limits.maxPayloadBytes,
    connectTimeout: 10_000,
    ...(opened.adapter === undefined ? {} : { adapter: opened.adapter }),
    cors: cors.length === 0 ? { origin: false } : { origin: cors.includes('*') ? '*' : [...cors] },
    allowRequest: (request, decide) => {
      // A WebSocket is not bound by CORS: a foreign page must not be able to use our signalling through it.
      if (!sameOrAllowedOrigin(request, cors)) return decide('origin not allowed', false)
      decide(null, true)
    },
  })
  if (options.refuseUpgrade === true) refuseUpgrades(web)
  boundConnections(io, limits, metrics)
  const signalling = new Signalling({ io, store, limits, metrics, clock, log })
  const port = await listen(web, host, options.port).catch((error: unknown) => {
    signalling.close()
    throw error
  })
  let closing: Promise<void> | undefined
  const close = async () => {
    signalling.close()
    if (io.engine.clientsCount > 0) {
      io.local.emit('server-closing')
      await sleep(systemClock, FAREWELL_MS)
    }
    const closed = io.close()
    // A browser opens connections ahead of what it will ask, and Node waits a minute for their first request.
    await Promise.race([closed, sleep(systemClock, FAREWELL_MS)])
    web.closeAllConnections()
    await closed
    await store.close()
    await opened.close()
  }
  return {
    port,
    urls: reachableUrls(tls === undefined ? 'http' : 'https', host, port),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function createWebServer(tls: ServerOptions['tls'], handler: http.RequestListener): http.Server | https.Server {
  if (tls === undefined) return http.createServer(handler)
  try {
    return https.createServer({ cert: tls.cert, key: tls.key }, handler)
  } catch (cause) {
    throw new ServerError('certificate', 'the certificate and key cannot be used: are they PEM, and of one pair?', {
      cause,
    })
  }
}

/** Polling goes on to offer the upgrade, and every attempt fails at the HTTP level. */
function refuseUpgrades(web: http.Server | https.Server): void {
  web.removeAllListeners('upgrade')
  web.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'))
}

function listen(server: http.Server | https.Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') {
        reject(new ServerError('port-taken', `port ${port} is in use; choose another one with --port`))
      } else if (error.code === 'EACCES') {
        reject(new ServerError('port-taken', `port ${port} may not be used here; choose one above 1023 with --port`))
      } else {
        reject(new ServerError('address', `cannot listen on ${host}: ${error.message}`, { cause: error }))
      }
    }
    server.once('error', refused)
    server.listen(port, host, () => {
      server.off('error', refused)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Refuses connections beyond the bounds before any of their events is read. */
function boundConnections(io: Server, limits: Limits, metrics: Metrics): void {
  const counter = new ConnectionCounter(limits)
  io.use((socket, next) => {
    const undo = counter.open(socket.handshake.address)
    if (undo === undefined) return next(new Error('too many connections'))
    socket.conn.once('close', undo)
    next()
  })
  io.on('connection', (socket) => {
    metrics.connections.inc()
    socket.once('disconnect', () => metrics.connections.dec())
  })
}

function sameOrAllowedOrigin(request: http.IncomingMessage, cors: readonly string[]): boolean {
  const { origin, host } = request.headers
  // Not a browser, or a request of the same origin, for which browsers may leave it out.
  if (origin === undefined || cors.includes('*') || cors.includes(origin)) return true
  try {
    return new URL(origin).host === host
  } catch {
    return false
  }
}
