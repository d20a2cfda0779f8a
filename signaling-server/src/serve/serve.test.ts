import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseInvite } from '@roomful/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ServerError } from '../error.ts'
import { startServer } from '../server.ts'
import { addressesOf, keptCertificate, readCertificate } from './certificate.ts'
import { parseServeOptions, type ServeOptions } from './options.mjs'
import { keptRoomKey } from './room-key.ts'
import { serve } from './serve.ts'

const DAY_MS = 24 * 3600 * 1000
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'roomful-serve-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('the kept certificate', () => {
  it('names localhost and the addresses, is readable by the owner only, and is kept', async () => {
    const first = await keptCertificate(folder, ['10.0.0.7'], Date.now())
    expect(first.renewed).toBe(true)
    expect(addressesOf(first.cert)).toEqual(expect.arrayContaining(['127.0.0.1', '10.0.0.7']))
    expect(new X509Certificate(first.cert).checkHost('localhost')).toBe('localhost')
    expect((await stat(path.join(folder, 'key.pem'))).mode & 0o077).toBe(0)
    const second = await keptCertificate(folder, ['10.0.0.7'], Date.now())
    expect(second).toEqual({ ...first, renewed: false })
  })

  it('is renewed for a new address, keeping the old one, before it expires, and when it is damaged', async () => {
    const now = Date.now()
    await keptCertificate(folder, ['10.0.0.7'], now)
    const moved = await keptCertificate(folder, ['10.9.9.9'], now)
    expect(addressesOf(moved.cert)).toEqual(expect.arrayContaining(['10.0.0.7', '10.9.9.9']))
    expect((await keptCertificate(folder, ['10.9.9.9'], now + 380 * DAY_MS)).renewed).toBe(false)
    expect((await keptCertificate(folder, ['10.9.9.9'], now + 390 * DAY_MS)).renewed).toBe(true)
    await writeFile(path.join(folder, 'cert.pem'), 'nonsense')
    expect((await keptCertificate(folder, [], now)).renewed).toBe(true)
  })

  it('serves HTTPS that a client trusting it accepts', async () => {
    const tls = await keptCertificate(folder, [], Date.now())
    const server = await startServer({ port: 0, tls })
    const status = await new Promise((resolve, reject) => {
      const agent = new Agent({ ca: tls.cert })
      get({ host: '127.0.0.1', port: server.port, path: '/healthz', agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      }).on('error', reject)
    })
    expect(status).toBe(200)
    await server.close()
  })

  it('given by the caller is refused with one line when it cannot be used', async () => {
    await expect(readCertificate(path.join(folder, 'no.pem'), 'x')).rejects.toThrow(/cannot read .*no\.pem/)
    await expect(startServer({ port: 0, tls: { cert: 'a', key: 'b' } })).rejects.toThrow(ServerError)
  })
})

describe('the kept room key', () => {
  it('stays the same until a new room is asked for', async () => {
    const first = await keptRoomKey(folder, false)
    expect(await keptRoomKey(folder, false)).toEqual(first)
    const second = await keptRoomKey(folder, true)
    expect(second).not.toEqual(first)
    expect(await keptRoomKey(folder, false)).toEqual(second)
    await writeFile(path.join(folder, 'room-key'), 'damaged')
    expect(await keptRoomKey(folder, false)).toHaveLength(16)
  })
})

describe('the options', () => {
  const options = (...argv: string[]) => parseServeOptions(argv)

  it('have defaults', () => {
    expect(options()).toMatchObject({ ok: true, options: { http: false, port: 8443, host: '0.0.0.0' } })
    expect(options('--http')).toMatchObject({ ok: true, options: { http: true, port: 8080 } })
  })

  it('are refused with a reason when they are wrong', () => {
    for (const argv of [
      ['--port', 'x'],
      ['--port', '70000'],
      ['--cert', 'a'],
      ['--http', '--cert', 'a', '--key', 'b'],
    ]) {
      expect(options(...argv)).toMatchObject({ ok: false })
    }
    expect(options('--bogus')).toMatchObject({ ok: false, message: expect.stringContaining('--bogus') })
    expect(options('extra')).toMatchObject({ ok: false })
    expect(options('--help')).toEqual({ ok: 'help' })
  })
})

describe('serve', () => {
  const base: ServeOptions = { http: true, port: 0, host: '127.0.0.1', cert: undefined, key: undefined, newRoom: false }
  const context = (signal: AbortSignal, lines: string[]) => ({
    dist: folder,
    stateFolder: path.join(folder, 'state'),
    print: (line: string) => lines.push(line),
    signal,
  })

  it('prints the invite with its QR code, serves the page, and ends when told', async () => {
    await writeFile(path.join(folder, 'index.html'), '<title>Roomful</title>')
    const lines: string[] = []
    const ending = new AbortController()
    const invite = await new Promise<string>((resolve, reject) => {
      const onReady = ({ invites }: { invites: readonly string[] }) => resolve(invites[0] ?? '')
      serve(base, { ...context(ending.signal, lines), onReady }).catch(reject)
    })
    expect(parseInvite(invite)).toHaveLength(16)
    expect(lines.join('\n')).toContain(invite)
    expect(lines[0]).toMatch(/█/)
    expect(await (await fetch(invite)).text()).toContain('Roomful')
    expect((await readFile(path.join(folder, 'state', 'room-key'), 'utf8')).trim()).toBe(invite.split('#k=')[1])
    ending.abort()
  })

  it('says what to do when the page is not built or the port is taken', async () => {
    const { signal } = new AbortController()
    await expect(serve(base, context(signal, []))).rejects.toThrow(/not built/)
    await writeFile(path.join(folder, 'index.html'), '')
    const other = await startServer({ port: 0 })
    const taken = serve({ ...base, port: other.port }, context(signal, []))
    await expect(taken).rejects.toThrow(`port ${other.port} is in use; choose another one with --port`)
    await other.close()
  })
})
