import { execFileSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { cpus, loadavg, totalmem } from 'node:os'
import { seededRandom } from '@roomful/core'
import type { CpuMeans } from '../../../../e2e/rig/cpu-share.ts'
import { REPOSITORY } from '../../../../e2e/rig/room.ts'
import { UdpRelay } from '../../../../e2e/rig/udp-relay.ts'
import { mean } from './statistics.ts'

/** Where and with what the figures were measured. */
export interface Environment {
  readonly date: string
  /** `with changes` where sources differed from it. */
  readonly commit: string
  readonly processor: string
  readonly cores: number
  readonly memoryMb: number
  readonly node: string
  readonly browsers: readonly string[]
  readonly cpuShares: CpuMeans
  /** Running and waiting processes over the last minute, before the run: above `cores` something else was running. */
  readonly loadBefore: number
  readonly loadAfter: number
  /** From the command's begin to the result. */
  readonly elapsedMs: number
  readonly relay: RelayCost
}

/** Mean round trip of a datagram of 1,000 bytes on loopback, straight and through a relay that adds nothing. */
export interface RelayCost {
  readonly straightMs: number
  readonly relayedMs: number
}

export function environmentOf(
  given: Pick<Environment, 'browsers' | 'commit' | 'cpuShares' | 'elapsedMs' | 'loadBefore' | 'relay'>,
): Environment {
  const [processor] = cpus()
  return {
    date: new Date().toISOString(),
    processor: processor?.model ?? 'unknown',
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 2 ** 20),
    node: process.version,
    loadAfter: currentLoad(),
    ...given,
  }
}

export const currentLoad = (): number => loadavg()[0] ?? 0

/** What figures depend on: changes of documents do not count. */
const SOURCES = ['apps', 'e2e', 'packages', 'public', 'signaling-server', 'package-lock.json']

/** Before the run: sources may change while it lasts. */
export function currentCommit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ...SOURCES)
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : ' with changes')
  } catch {
    return 'unknown'
  }
}

const ECHOES = 300
const WARM_UP = 50

export async function relayCost(): Promise<RelayCost> {
  const a = await bound()
  const b = await bound()
  await using relay = new UdpRelay({ delayMs: 0 }, { random: seededRandom(1) })
  try {
    b.on('message', (data, { port, address }) => b.send(data, port, address))
    const straight = portOf(b)
    const relayed = await relay.portFor('127.0.0.1', straight)
    for (let i = 0; i < WARM_UP; i++) for (const port of [straight, relayed]) await echoMs(a, port)
    const times: { straight: number; relayed: number }[] = []
    // In turn, so that whatever else happens meets both.
    for (let i = 0; i < ECHOES; i++) {
      const first = i % 2 === 0
      const one = await echoMs(a, first ? straight : relayed)
      const other = await echoMs(a, first ? relayed : straight)
      times.push(first ? { straight: one, relayed: other } : { straight: other, relayed: one })
    }
    return { straightMs: mean(times.map((each) => each.straight)), relayedMs: mean(times.map((each) => each.relayed)) }
  } finally {
    a.close()
    b.close()
  }
}

async function echoMs(from: Socket, port: number): Promise<number> {
  const startMs = performance.now()
  from.send(Buffer.alloc(1000), port, '127.0.0.1')
  await once(from, 'message', { signal: AbortSignal.timeout(5_000) })
  return performance.now() - startMs
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

const portOf = (socket: Socket): number => (socket.address() as AddressInfo).port
