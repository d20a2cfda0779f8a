import { type FeatureStore, memoryStore, SimilarCache } from '@roomful/cache'
import { seededRandom } from '@roomful/core'
import { verdictOf } from '@roomful/tensor'
import { afterEach, describe, expect, it } from 'vitest'
import { MiniNet } from '../testing/mini-net.ts'
import { MiniRoom, planOf } from '../testing/mini-room.ts'
import { RoomCacheLink } from './room-cache-link.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1, 2], height: 14, width: 6, exits: [1] })
const plan = planOf(
  net,
  [
    ['t1', ['a']],
    ['t2', ['a']],
    ['logits', ['b']],
  ],
  { fullMs: 400 },
)
let room: MiniRoom
let links: RoomCacheLink[]

/** FNV-1a over four lanes: WebCrypto takes real time, in which the virtual clock would run on. */
async function instantHash(bytes: Uint8Array): Promise<string> {
  const lanes = [1, 2, 3, 4].map((seed) =>
    bytes.reduce((h, byte) => Math.imul(h ^ byte, 0x01000193), 0x811c9dc5 ^ seed),
  )
  return lanes.map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
}

function setup(verifyShare = 0, store: () => FeatureStore = memoryStore) {
  room = new MiniRoom({ net, speed: () => 500 })
  links = []
  return ['a', 'b', 'c'].map((name) =>
    room.join(name, {}, undefined, (own) => {
      const options = { room: own, clock: room.clock, random: seededRandom(2), wallClock: () => 0, verifyShare }
      const link = new RoomCacheLink({ ...options, store: store() })
      links.push(link)
      return { cache: link.cache, hash: instantHash }
    }),
  )
}

afterEach(async () => {
  for (const link of links) link.close()
  await room.close()
  await room.clock.advance(5000)
  expect(room.clock.pending).toBe(0)
})

describe('requests with a similarity cache', () => {
  it('are answered at the first cut when the input looks like earlier ones, and the rest is cancelled', async () => {
    const similar = new SimilarCache({ random: seededRandom(1), verifyShare: 0 })
    links = []
    room = new MiniRoom({ net, speed: () => 500, runtime: { similar } })
    const [a, b] = await room.joinAll('a', 'b')
    if (a === undefined || b === undefined) throw new Error('no devices')
    await room.until(a.runtime.install(plan))
    const base = room.picture()
    const near = () => {
      const data = Float32Array.from(base.data as Float32Array, (x) => x + (room.random.next() - 0.5) * 0.01)
      return { ...base, data }
    }
    const sources: string[] = []
    for (let i = 0; i < 16; i++) {
      const { trace, labelIndex } = await room.until(a.runtime.infer({ tensor: near() }))
      sources.push(trace.source)
      expect(labelIndex).toBe(verdictOf(net.reference(base), net.output.temperature).labelIndex)
    }
    // One to learn from, ten on probation, then hits.
    expect(sources.slice(0, 11)).toEqual(Array(11).fill('computed'))
    expect(sources.slice(11)).toEqual(Array(5).fill('own-cache'))
    await room.clock.advance(500)
    for (const { runtime } of [a, b]) expect(runtime.counts.worker.requests).toBe(0)
    const other = await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(other.trace.source).toBe('computed')
  })
})

describe('requests with a cache', () => {
  it('answers a repeated picture at once, on another device of the room as well', async () => {
    const [a, , c] = setup()
    await room.clock.advance(100)
    if (a === undefined || c === undefined) throw new Error('no devices')
    await room.until(a.runtime.install(plan))
    await room.until(c.runtime.install(planOf(net, [['logits', ['c']]], { fullMs: 400 })))
    const tensor = room.picture()
    const first = await room.until(a.runtime.infer({ tensor }))
    expect(first.trace.source).toBe('computed')
    await room.clock.advance(400)
    const again = await room.until(a.runtime.infer({ tensor }))
    expect(again.trace).toMatchObject({ source: 'own-cache', exit: 'final' })
    expect(again.trace.totalMs).toBeLessThan(1)
    const elsewhere = await room.until(c.runtime.infer({ tensor }))
    expect(elsewhere.trace.source).toBe('room-cache')
    expect(elsewhere.trace.totalMs).toBeLessThan(20)
    for (const hit of [again, elsewhere]) {
      expect(hit.labelIndex).toBe(first.labelIndex)
      expect(hit.confidence).toBeCloseTo(first.confidence, 5)
    }
    const other = await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(other.trace.source).toBe('computed')
    const unasked = await room.until(a.runtime.infer({ tensor }, { cache: false }))
    expect(unasked.trace.source).toBe('computed')
  })

  it('resumes from the deepest cut when the kept answer came from an exit that the plan does not have', async () => {
    const [a] = setup()
    await room.clock.advance(100)
    if (a === undefined) throw new Error('no devices')
    const exits = [{ exit: 'exit1', device: 'a', threshold: 0, mode: 'wait' as const }]
    const early = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      { fullMs: 400, exits },
    )
    await room.until(a.runtime.install(early))
    const tensor = room.picture()
    expect((await room.until(a.runtime.infer({ tensor }))).exit).toBe('exit1')
    await room.clock.advance(400)
    await room.until(a.runtime.install({ ...early, exits: [] }))
    const result = await room.until(a.runtime.infer({ tensor }))
    expect(result.exit).toBe('final')
    expect(result.labelIndex).toBe(verdictOf(net.reference(tensor), net.output.temperature).labelIndex)
    const computed = result.trace.spans.filter((span) => span.kind === 'compute').map((span) => span.volume)
    expect(computed).toEqual([1])
  })

  it('keeps no feature map that the plan keeps to itself: the room could ask for it', async () => {
    const [a] = setup()
    await room.clock.advance(100)
    if (a === undefined) throw new Error('no devices')
    await room.until(
      a.runtime.install(
        planOf(
          net,
          [
            ['t1', ['a']],
            ['logits', ['a']],
          ],
          { fullMs: 400 },
        ),
      ),
    )
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(400)
    expect(links[0]?.cache.stats.entries).toBe(1)
  })

  it('computes all the same when a foreign answer is drawn for checking, and drops a liar', async () => {
    const [a, b] = setup(1)
    await room.clock.advance(100)
    if (a === undefined || b === undefined) throw new Error('no devices')
    await room.until(a.runtime.install(planOf(net, [['logits', ['a']]], { fullMs: 400 })))
    await room.until(b.runtime.install(planOf(net, [['logits', ['b']]], { fullMs: 400 })))
    const tensor = room.picture()
    const honest = await room.until(b.runtime.infer({ tensor }))
    await room.clock.advance(400)
    const checked = await room.until(a.runtime.infer({ tensor }))
    expect(checked.trace.source).toBe('computed')
    expect(checked.labelIndex).toBe(honest.labelIndex)
    await room.clock.advance(400)
  })

  it('a storage that fails costs nothing but the hits', async () => {
    const fail = async () => {
      throw new Error('no storage')
    }
    const [a] = setup(0, () => ({ get: fail, put: fail, delete: fail, entries: fail }))
    await room.clock.advance(100)
    if (a === undefined) throw new Error('no devices')
    await room.until(a.runtime.install(plan))
    const tensor = room.picture()
    for (let i = 0; i < 2; i++) {
      expect((await room.until(a.runtime.infer({ tensor }))).trace.source).toBe('computed')
    }
  })
})
