import { expect, it } from 'vitest'
import { groupsWithin, withinCores } from './within-cores.ts'

const DEVICES = [
  { name: 'phone', cores: 0.1 },
  { name: 'tablet', cores: 0.2 },
  { name: 'netbook', cores: 0.4 },
  { name: 'laptop', cores: 0.6 },
]

/** Work that ends when it is told to, and what is at work. */
function bench() {
  const ends = new Map<string, () => void>()
  const work = (name: string) => new Promise<void>((resolve) => ends.set(name, resolve))
  const end = async (name: string) => {
    ends.get(name)?.()
    ends.delete(name)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { work, end, running: () => [...ends.keys()] }
}

it('devices begin as soon as their shares fit, in their order', async () => {
  const { work, end, running } = bench()
  const done = withinCores(DEVICES, 1.25, work)
  await end('nobody')
  expect(running()).toEqual(['phone', 'tablet', 'netbook'])
  await end('tablet')
  expect(running()).toEqual(['phone', 'netbook', 'laptop'])
  for (const name of ['laptop', 'phone', 'netbook']) await end(name)
  await done
})

it('one that has more than all is alone, and shares that fill the cores exactly fit', async () => {
  const { work, end, running } = bench()
  const done = withinCores([{ name: 'big', cores: 2 }, ...DEVICES.slice(0, 2)], 0.3, work)
  await end('nobody')
  expect(running()).toEqual(['big'])
  await end('big')
  expect(running()).toEqual(['phone', 'tablet'])
  await end('phone')
  await end('tablet')
  await done
})

it('what fails ends it with that error', async () => {
  const failing = withinCores(DEVICES, 0.1, async (name) => {
    if (name === 'tablet') throw new Error('gone')
  })
  await expect(failing).rejects.toThrow('gone')
})

it('groups hold what fits, in order, and everybody is in one', () => {
  const names = (cores: number) => groupsWithin(DEVICES, cores).map((group) => group.map(({ name }) => name))
  expect(names(0.3)).toEqual([['phone', 'tablet'], ['netbook'], ['laptop']])
  expect(names(1.3)).toEqual([['phone', 'tablet', 'netbook', 'laptop']])
  expect(names(0.05)).toEqual([['phone'], ['tablet'], ['netbook'], ['laptop']])
  expect(groupsWithin([], 1)).toEqual([])
})
