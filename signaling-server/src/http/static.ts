import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import send from 'send'

/** Types that the platform must see right: streaming WASM compilation refuses anything else. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.wasm': 'application/wasm',
  '.onnx': 'application/octet-stream',
  '.bin': 'application/octet-stream',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
}
const ENCODINGS = [
  { token: 'br', extension: '.br' },
  { token: 'gzip', extension: '.gz' },
] as const
const YEAR_MS = 365 * 24 * 3600 * 1000

/**
 * Serves the built page from `root`. Files that the build has compressed beside the original (`.br`, `.gz`) are sent so
 * when the browser takes them; a Range request is always about the original, because a model's chunks are byte ranges of
 * it. Built assets carry a hash in their name and never change; everything else is revalidated by ETag.
 */
export function serveStatic(root: string, request: IncomingMessage, response: ServerResponse, pathname: string): void {
  const name = pathname.endsWith('/') ? `${pathname}index.html` : pathname
  const extension = path.posix.extname(name).toLowerCase()
  const encoded = request.headers.range === undefined ? encodedVariant(root, name, request) : undefined
  const hashed = pathname.startsWith('/assets/')
  response.setHeader('Content-Type', TYPES[extension] ?? 'application/octet-stream')
  response.setHeader('Vary', 'Accept-Encoding')
  if (encoded !== undefined) response.setHeader('Content-Encoding', encoded.token)
  send(request, encodeURI(name) + (encoded?.extension ?? ''), {
    root,
    dotfiles: 'ignore',
    index: false,
    // `no-cache` means: keep it, and ask whether it is still current.
    cacheControl: hashed,
    immutable: hashed,
    maxAge: hashed ? YEAR_MS : 0,
  })
    .on('headers', (reply: ServerResponse) => {
      if (!hashed) reply.setHeader('Cache-Control', 'no-cache')
    })
    .on('directory', () => refuse(response, 404))
    .on('error', (error: { status?: number; headers?: Record<string, string> }) => {
      const contentRange = error.headers?.['Content-Range']
      refuse(response, error.status ?? 500, contentRange === undefined ? {} : { 'Content-Range': contentRange })
    })
    .pipe(response)
}

function encodedVariant(root: string, name: string, request: IncomingMessage): (typeof ENCODINGS)[number] | undefined {
  if (name.includes('..') || name.includes('\0')) return undefined
  const accepted = acceptedEncodings(request.headers['accept-encoding'])
  return ENCODINGS.find(({ token, extension }) => accepted.has(token) && existsSync(path.join(root, name + extension)))
}

/** `gzip, br;q=0` -> {gzip}: a quality of 0 means "not this one" (RFC 9110, section 12.5.3). */
function acceptedEncodings(header: string | string[] | undefined): Set<string> {
  const accepted = new Set<string>()
  for (const part of String(header ?? '')
    .slice(0, 500)
    .split(',')) {
    const [token = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) accepted.add(token)
  }
  return accepted
}

/** Ends a response with a plain status and no body worth caching. */
export function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.statusCode = status
  response.removeHeader('Content-Encoding')
  response.removeHeader('Cache-Control')
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(`${status}\n`)
}
