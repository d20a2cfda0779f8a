import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { generate } from 'selfsigned'
import { ServerError } from '../error.ts'

export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 24 * 3600 * 1000
/** Apple's systems refuse certificates that are valid for more than 825 days. */
const LIFETIME_MS = 397 * DAY_MS
const RENEW_BEFORE_MS = 14 * DAY_MS
/** A machine that has been in many networks keeps the latest addresses. */
const MAX_ADDRESSES = 32

/**
 * The self-made certificate kept in `folder`, for localhost and `addresses`. It is made anew when it is absent, unreadable,
 * about to expire, or lacks one of the addresses; addresses of earlier networks stay in it, so that a phone's exception
 * lasts when the machine comes back.
 */
export async function keptCertificate(
  folder: string,
  addresses: readonly string[],
  nowMs: number,
): Promise<CertificatePair & { readonly renewed: boolean }> {
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
  const kept = await readPair(files)
  const names = kept === undefined ? [] : addressesOf(kept.cert)
  const current = kept !== undefined && expiresMs(kept.cert) - RENEW_BEFORE_MS > nowMs
  if (kept !== undefined && current && addresses.every((address) => names.includes(address))) {
    return { ...kept, renewed: false }
  }
  const all = [...new Set([...addresses, ...names])].filter((name) => isIP(name) !== 0).slice(0, MAX_ADDRESSES)
  const pair = await makeCertificate(all, nowMs)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await replaceFile(files.key, pair.key)
  await replaceFile(files.cert, pair.cert)
  return { ...pair, renewed: true }
}

/** A certificate and key from files. @throws ServerError `certificate` */
export async function readCertificate(certFile: string, keyFile: string): Promise<CertificatePair> {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((cause: unknown) => {
      throw new ServerError('certificate', `cannot read ${file}`, { cause })
    })
  return { cert: await read(certFile), key: await read(keyFile) }
}

async function makeCertificate(addresses: readonly string[], nowMs: number): Promise<CertificatePair> {
  const altNames = [
    { type: 2 as const, value: 'localhost' },
    ...['127.0.0.1', '::1', ...addresses].map((ip) => ({ type: 7 as const, ip })),
  ]
  const made = await generate([{ name: 'commonName', value: 'Roomful on this network' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + LIFETIME_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { cert: made.cert, key: made.private }
}

async function readPair(files: { cert: string; key: string }): Promise<CertificatePair | undefined> {
  try {
    const pair = { cert: await readFile(files.cert, 'utf8'), key: await readFile(files.key, 'utf8') }
    new X509Certificate(pair.cert)
    return pair
  } catch {
    return undefined
  }
}

const expiresMs = (cert: string) => new Date(new X509Certificate(cert).validTo).getTime()

/** The IP addresses in a certificate's subjectAltName (`DNS:localhost, IP Address:127.0.0.1, ...`). */
export function addressesOf(cert: string): string[] {
  const names = new X509Certificate(cert).subjectAltName ?? ''
  return names.split(', ').flatMap((name) => (name.startsWith('IP Address:') ? [name.slice('IP Address:'.length)] : []))
}

/** Readable by the owner only, and never half written. */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text, { mode: 0o600 })
  await rename(draft, file)
}
