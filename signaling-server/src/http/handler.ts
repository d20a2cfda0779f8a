import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Clock } from '@roomful/core'
import type { Metrics } from '../metrics.ts'
import { type BucketRate, TokenBucket } from '../token-bucket.ts'
import { setSecurityHeaders } from './headers.ts'
import { type IceConfig, iceServers } from './ice.ts'
import { refuse, serveStatic } from './static.ts'

export interface HandlerOptions {
  /** Folder of the built page; without it the server only introduces devices. */
  readonly dist: string | undefined
  /** Origins besides our own whose pages may ask for /ice. */
  readonly origins: readonly string[]
  readonly ice: IceConfig
  readonly iceRate: BucketRate
  readonly metrics: Metrics
  readonly clock: Clock
  /** Seconds since 1970, for credentials that another server checks. */
  readonly epochSeconds: () => number
}

/** Everything over HTTP but socket.io's own path: /healthz, /metrics, /ice and the page. */
export function createHandler(options: HandlerOptions): RequestListener {
  const { metrics, clock, iceRate } = options
  // One bucket for all addresses: a credential per second and device is far more than a room needs.
  const iceBucket = new TokenBucket(clock, { burst: iceRate.burst * 16, perSecond: iceRate.perSecond * 16 })
  const sendIce: RequestListener = (request, response) => {
    allowOrigin(options.origins, request, response)
    if (iceBucket.take() > 0) refuse(response, 429)
    else
      sendJson(response, {
        iceServers: iceServers(options.ice, options.epochSeconds(), randomBytes(6).toString('hex')),
      })
  }
  const routes: Readonly<Record<string, RequestListener>> = {
    '/healthz': (_request, response) => sendJson(response, { ok: true }),
    '/metrics': (_request, response) => sendMetrics(metrics, response),
    '/ice': sendIce,
  }
  return (request, response) => {
    setSecurityHeaders(response)
    const pathname = pathOf(request.url)
    const route = pathname !== undefined && Object.hasOwn(routes, pathname) ? routes[pathname] : undefined
    if (pathname === undefined) refuse(response, 400)
    else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, { Allow: 'GET, HEAD' })
    else if (route !== undefined) route(request, response)
    else if (options.dist === undefined) refuse(response, 404)
    else serveStatic(options.dist, request, response, pathname)
  }
}

function pathOf(url: string | undefined): string | undefined {
  const raw = (url ?? '/').split(/[?#]/, 1)[0] ?? '/'
  if (!raw.startsWith('/') || raw.length > 2048) return undefined
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(JSON.stringify(value))
}

function allowOrigin(origins: readonly string[], request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers
  response.setHeader('Vary', 'Origin')
  if (origin === undefined || !(origins.includes(origin) || origins.includes('*'))) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin')
}

function sendMetrics(metrics: Metrics, response: ServerResponse): void {
  metrics.registry.metrics().then(
    (text) => {
      response.setHeader('Content-Type', metrics.registry.contentType)
      response.setHeader('Cache-Control', 'no-store')
      response.end(text)
    },
    () => refuse(response, 500),
  )
}
