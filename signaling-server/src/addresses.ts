import { networkInterfaces } from 'node:os'

/** This machine's IPv4 addresses in its networks, without loopback and link-local ones. */
export function lanAddresses(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  const usable = addresses.filter(
    ({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'),
  )
  return [...new Set(usable.map(({ address }) => address))]
}

const ANY = new Set(['0.0.0.0', '::', ''])
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** The URLs under which a server that listens on `host` can be opened, this machine's first. */
export function reachableUrls(scheme: 'http' | 'https', host: string, port: number): string[] {
  const url = (name: string) => `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}/`
  if (LOOPBACK.has(host)) return [url('localhost')]
  if (ANY.has(host)) return [url('localhost'), ...lanAddresses().map(url)]
  return [url(host)]
}
