import { describe, expect, it } from 'vitest'
import { type Fetch, httpSource } from './http.ts'

const body = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)

/** A server for one file; `ranges: false` ignores Range as simple servers do. */
function server(options: { ranges: boolean; status?: number; contentRange?: string }) {
  const log: (string | null)[] = []
  const fetch: Fetch = async (_url, init) => {
    const range = new Headers(init.headers).get('range')
    log.push(range)
    const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')
    if (options.status !== undefined) return new Response('no', { status: options.status })
    if (!options.ranges || match === null) return new Response(body, { status: 200 })
    const start = Number(match[1])
    const end = Number(match[2]) + 1
    const contentRange = options.contentRange ?? `bytes ${start}-${end - 1}/${body.length}`
    return new Response(body.slice(start, end), { status: 206, headers: { 'content-range': contentRange } })
  }
  return { log, source: httpSource('https://room/models/net', fetch) }
}

describe('httpSource', () => {
  it('asks for exactly the bytes of the range', async () => {
    const { log, source } = server({ ranges: true })
    const bytes = await source.chunks('weights.bin', body.length).read({ start: 10, end: 20 })
    expect(bytes).toEqual(body.slice(10, 20))
    expect(log).toEqual(['bytes=10-19'])
  })

  it('reads the file once when the server answers 200 to a range', async () => {
    const { log, source } = server({ ranges: false })
    const chunks = source.chunks('weights.bin', body.length)
    expect(await chunks.read({ start: 10, end: 20 })).toEqual(body.slice(10, 20))
    expect(await chunks.read({ start: 900, end: 1000 })).toEqual(body.slice(900))
    expect(log).toHaveLength(1)
  })

  it('refuses a file longer than the manifest says', async () => {
    const { source } = server({ ranges: false })
    await expect(source.chunks('weights.bin', 500).read({ start: 0, end: 10 })).rejects.toMatchObject({
      reason: 'too-large',
    })
    await expect(source.read('graph.onnx', 999)).rejects.toMatchObject({ reason: 'too-large' })
    expect(await source.read('graph.onnx', 1000)).toEqual(body)
  })

  it('names the status when the server refuses', async () => {
    const { source } = server({ ranges: true, status: 404 })
    await expect(source.read('model.json', 10)).rejects.toMatchObject({
      reason: 'network',
      message: expect.stringContaining('404'),
    })
    await expect(source.chunks('weights.bin', 9).read({ start: 0, end: 9 })).rejects.toMatchObject({
      reason: 'network',
    })
  })

  it('refuses another range than it asked for', async () => {
    const { source } = server({ ranges: true, contentRange: 'bytes 0-9/1000' })
    await expect(source.chunks('weights.bin', 1000).read({ start: 10, end: 20 })).rejects.toMatchObject({
      reason: 'network',
    })
  })

  it('takes the folder, with or without a slash, or its model.json', async () => {
    const urls: string[] = []
    const fetch: Fetch = async (url) => {
      urls.push(url)
      return new Response(body)
    }
    for (const url of ['/models/a', '/models/a/', '/models/a/model.json']) await httpSource(url, fetch).read('x', 2000)
    expect(new Set(urls)).toEqual(new Set(['/models/a/x']))
  })
})
