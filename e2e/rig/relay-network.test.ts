import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { seededRandom } from '@roomful/core'
import { afterEach, describe, expect, it } from 'vitest'
import { RelayNetwork } from './relay-network.ts'
import { UdpRelay } from './udp-relay.ts'

const open: Socket[] = []

async function socket(): Promise<{ socket: Socket; port: number }> {
  const own = createSocket('udp4')
  open.push(own)
  own.bind(0, '127.0.0.1')
  await once(own, 'listening')
  return { socket: own, port: (own.address() as AddressInfo).port }
}

async function received(at: Socket): Promise<{ text: string; port: number }> {
  const [data, sender] = (await once(at, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer, AddressInfo]
  return { text: data.toString(), port: sender.port }
}

afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

describe('UdpRelay', () => {
  it('carries datagrams there and back without either end seeing the other', async () => {
    await using relay = new UdpRelay({ delayMs: 1 }, { random: seededRandom(1) })
    const a = await socket()
    const b = await socket()
    const front = await relay.portFor('127.0.0.1', b.port)
    expect(await relay.portFor('127.0.0.1', b.port)).toBe(front)
    a.socket.send('hello', front, '127.0.0.1')
    const there = await received(b.socket)
    expect(there.text).toBe('hello')
    expect(there.port).not.toBe(a.port)
    b.socket.send('answer', there.port, '127.0.0.1')
    expect(await received(a.socket)).toEqual({ text: 'answer', port: front })
  })

  it('counts each direction by itself', async () => {
    await using relay = new UdpRelay({ delayMs: 0 }, { random: seededRandom(1) })
    const a = await socket()
    const b = await socket()
    a.socket.send('12345', await relay.portAt(1, '127.0.0.1', b.port), '127.0.0.1')
    const { port } = await received(b.socket)
    b.socket.send('123', port, '127.0.0.1')
    await received(a.socket)
    expect(relay.counts.map((count) => count.bytes)).toEqual([3, 5])
  })
})

describe('RelayNetwork', () => {
  it('shapes each pair by itself', async () => {
    const asked: string[] = []
    await using network = new RelayNetwork((a, b) => {
      asked.push(`${a}-${b}`)
      return { delayMs: 0, blackhole: b === 'tablet' }
    })
    const laptop = await socket()
    const tablet = await socket()
    const phone = await socket()
    network.seat('laptop').own?.('LLLL')
    network.seat('tablet').own?.('TTTT')
    const seat = network.seat('phone')
    const toLaptop = await seat.portFor('127.0.0.1', laptop.port, 'LLLL')
    const toTablet = await seat.portFor('127.0.0.1', tablet.port, 'TTTT')
    expect(asked).toEqual(['laptop-phone', 'phone-tablet'])
    phone.socket.send('lost', toTablet ?? 0, '127.0.0.1')
    phone.socket.send('found', toLaptop ?? 0, '127.0.0.1')
    expect((await received(laptop.socket)).text).toBe('found')
    expect(network.bytesBetween('phone', 'laptop')).toBe(5)
    network.reshape('phone', 'tablet', { delayMs: 0 })
    phone.socket.send('again', toTablet ?? 0, '127.0.0.1')
    expect((await received(tablet.socket)).text).toBe('again')
  })

  it('gives no way to addresses of nobody in the room', async () => {
    await using network = new RelayNetwork(() => ({ delayMs: 0 }))
    expect(await network.seat('phone').portFor('127.0.0.1', 9, 'UNKNOWN')).toBeUndefined()
    expect(await network.seat('phone').portFor('127.0.0.1', 9)).toBeUndefined()
  })
})
