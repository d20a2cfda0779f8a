import { createHmac, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../server.ts'
import { iceConfigFrom, iceServers } from './ice.ts'

const weights = randomBytes(1000)
const script = Buffer.from(`export const a = ${JSON.stringify('x'.repeat(2000))}`)
let folder = ''
let server: RunningServer
let url = ''

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-dist-'))
  const put = async (name: string, bytes: Uint8Array | string) => {
    await mkdir(path.dirname(path.join(folder, 'dist', name)), { recursive: true })
    await writeFile(path.join(folder, 'dist', name), bytes)
  }
  await put('index.html', '<!doctype html><title>Roomful</title>')
  await put('assets/a-1234.js', script)
  await put('assets/a-1234.js.br', brotliCompressSync(script))
  await put('assets/a-1234.js.gz', gzipSync(script))
  await put('assets/ort-1234.wasm', 'wasm')
  await put('models/m/weights.bin', weights)
  await put('models/m/weights.bin.gz', gzipSync(weights))
  await put('models/m/graph.onnx', 'onnx')
  await put('.complete', '')
  await writeFile(path.join(folder, 'secret.txt'), 'secret')
  server = await startServer({ port: 0, dist: path.join(folder, 'dist'), cors: ['https://friend.example'] })
  url = `http://127.0.0.1:${server.port}`
})

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** A request as it stands: no decoding, no tidying of the path. */
function raw(target: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; body: Buffer }>(
    (resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: server.port, path: target, method, headers }, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
        )
      })
      sent.on('error', reject)
      sent.end()
    },
  )
}

describe('the page over HTTP', () => {
  it('is cross-origin isolated and bound by a content security policy', async () => {
    const { status, headers } = await raw('/')
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    })
  })

  it('names the types that browsers insist on', async () => {
    const type = async (target: string) => (await raw(target)).headers['content-type']
    expect(await type('/assets/ort-1234.wasm')).toBe('application/wasm')
    expect(await type('/assets/a-1234.js')).toContain('text/javascript')
    expect(await type('/models/m/graph.onnx')).toBe('application/octet-stream')
  })

  it('sends built assets compressed as the browser takes them, to be kept for good', async () => {
    const get = (accept: string) => raw('/assets/a-1234.js', { 'accept-encoding': accept })
    const [br, gzip, plain, unwanted] = [await get('gzip, br'), await get('gzip'), await get(''), await get('br;q=0')]
    expect([br, gzip, plain, unwanted].map(({ headers }) => headers['content-encoding'])).toEqual([
      'br',
      'gzip',
      undefined,
      undefined,
    ])
    expect(br.headers['content-type']).toContain('text/javascript')
    expect(br.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect(br.headers['vary']).toContain('Accept-Encoding')
    expect(plain.body.equals(script)).toBe(true)
  })

  it('answers ranges with the bytes of the original, whatever encodings the browser takes', async () => {
    const range = (value: string) => raw('/models/m/weights.bin', { range: value, 'accept-encoding': 'gzip' })
    const cases: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=10-19', 10, 20],
      ['bytes=-5', 995, 1000],
      ['bytes=990-5000', 990, 1000],
    ]
    for (const [value, start, end] of cases) {
      const { status, body, headers } = await range(value)
      expect([value, status]).toEqual([value, 206])
      expect(body.equals(weights.subarray(start, end))).toBe(true)
      expect(headers['content-range']).toBe(`bytes ${start}-${end - 1}/1000`)
    }
  })

  it('stays up on ranges and paths that make no sense', async () => {
    const statuses = []
    for (const range of ['bytes=5-3', 'bytes=5000-', 'bytes=x-y', 'bytes=', 'lines=1-2']) {
      statuses.push((await raw('/models/m/weights.bin', { range })).status)
    }
    expect(statuses.every((status) => status === 416 || status === 200)).toBe(true)
    for (const target of [
      '/../secret.txt',
      '/%2e%2e/secret.txt',
      '/..%5csecret.txt',
      '/.complete',
      '/%00',
      '/%',
      '/models',
    ]) {
      const { status, body } = await raw(target)
      expect([target, (status ?? 0) >= 400]).toEqual([target, true])
      expect(body.toString()).not.toContain('secret')
    }
    expect((await raw('/', {}, 'POST')).status).toBe(405)
    expect((await raw('/healthz')).body.toString()).toBe('{"ok":true}')
  })

  it('revalidates by ETag', async () => {
    const { headers } = await raw('/models/m/graph.onnx')
    const again = await raw('/models/m/graph.onnx', { 'if-none-match': String(headers['etag']) })
    expect(again.status).toBe(304)
  })

  it('tells Prometheus how many rooms and devices there are', async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toMatch(/^roomful_rooms 0$/m)
    expect(text).toMatch(/^roomful_devices 0$/m)
    expect(text).toMatch(/^roomful_connections 0$/m)
  })
})

describe('/ice', () => {
  it('names no server by default, and lets allowed origins ask', async () => {
    const friend = await fetch(`${url}/ice`, { headers: { origin: 'https://friend.example' } })
    expect(await friend.json()).toEqual({ iceServers: [] })
    expect(friend.headers.get('access-control-allow-origin')).toBe('https://friend.example')
    const stranger = await fetch(`${url}/ice`, { headers: { origin: 'https://stranger.example' } })
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('gives TURN credentials that end within the hour and that the TURN server can check', () => {
    const config = iceConfigFrom({ TURN_URL: 'turn:t.example:3478, turns:t.example:5349', TURN_SECRET: 's3cret' })
    const [turn] = iceServers(config, 1_000_000, 'abc')
    expect(turn?.urls).toEqual(['turn:t.example:3478', 'turns:t.example:5349'])
    expect(turn?.username).toBe('1003600:abc')
    expect(turn?.credential).toBe(createHmac('sha1', 's3cret').update('1003600:abc').digest('base64'))
  })
})
