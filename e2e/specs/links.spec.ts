import { expect, test } from 'playwright/test'
import { LinkPair } from '../soak/link-pair.ts'

const PATH = { delayMs: 5 }
/** The promise is 2 s from the last sign of life; the clocks of a busy test machine may stand still for a moment. */
const NOTICED_MS = 2500

test('a path that swallows everything for some seconds is noticed within 2 s, asked to be replaced, and used again', async () => {
  await using pair = await LinkPair.open(PATH)
  await pair.call('a', 'story')
  pair.reshape({ ...PATH, blackhole: true })
  const noticed = await Promise.all([
    pair.call('a', 'until', 'b', 'silent', NOTICED_MS),
    pair.call('b', 'until', 'a', 'silent', NOTICED_MS),
  ])
  console.info(`silence noticed after ${noticed.map(Math.round).join(' and ')} ms`)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  expect((await pair.restarts()).asked).toBeGreaterThan(0)
  pair.reshape(PATH)
  await Promise.all([pair.call('a', 'until', 'b', 'connected', 8000), pair.call('b', 'until', 'a', 'connected', 8000)])
  await pair.call('a', 'fetchWeights', 'b', 200_000)
  // The same connection: no request that was under way had to fail.
  expect((await pair.restarts()).connections).toBe(1)
  expect(await pair.call('a', 'story')).not.toContain('b lost')
})

test('ICE restart finds a new path when the old one never comes back', async () => {
  await using pair = await LinkPair.open(PATH)
  await pair.call('a', 'story')
  pair.replacePath(PATH)
  await pair.call('a', 'until', 'b', 'silent', NOTICED_MS)
  await Promise.all([pair.call('a', 'until', 'b', 'connected', 8000), pair.call('b', 'until', 'a', 'connected', 8000)])
  await pair.call('b', 'fetchWeights', 'a', 200_000)
  const { asked, connections } = await pair.restarts()
  expect(asked).toBeGreaterThan(0)
  expect(connections).toBe(1)
  expect(await pair.call('a', 'story')).not.toContain('b lost')
})

test('on a long way a second connection carries its share, and the link outlives it', async () => {
  await using pair = await LinkPair.open({ delayMs: 15 })
  await expect.poll(async () => (await pair.restarts()).connections, { timeout: 25_000 }).toBe(2)
  await pair.call('a', 'fetchWeights', 'b', 1_000_000)
  await pair.call('b', 'fetchWeights', 'a', 1_000_000)
  const transfers = Promise.all([
    pair.call('a', 'fetchWeights', 'b', 3_000_000),
    pair.call('b', 'fetchWeights', 'a', 3_000_000),
  ])
  await new Promise((resolve) => setTimeout(resolve, 300))
  await pair.call('b', 'cut')
  await transfers
  await pair.call('a', 'fetchWeights', 'b', 200_000)
  expect(await pair.call('a', 'story')).not.toContain('b lost')
  expect((await pair.restarts()).connections).toBe(2)
})

test('a second connection that silently swallows everything is given up, and nothing on its way is lost', async () => {
  const shape = { delayMs: 15 }
  await using pair = await LinkPair.open(shape)
  // The first connection's candidates have all been exchanged.
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const reshapeSecond = pair.divert(shape)
  await expect.poll(async () => (await pair.restarts()).connections, { timeout: 25_000 }).toBe(2)
  const both = (bytes: number) =>
    Promise.all([pair.call('a', 'fetchWeights', 'b', bytes), pair.call('b', 'fetchWeights', 'a', bytes)])
  await both(1_000_000)
  const transfers = both(3_000_000)
  await new Promise((resolve) => setTimeout(resolve, 300))
  reshapeSecond({ ...shape, blackhole: true })
  const tookMs = await transfers
  console.info(`transfers across the loss of a lane took ${tookMs.map(Math.round).join(' and ')} ms`)
  // One lane is left.
  await both(500_000)
  expect(await pair.call('a', 'story')).not.toContain('b lost')
  expect((await pair.restarts()).connections).toBe(2)
})
