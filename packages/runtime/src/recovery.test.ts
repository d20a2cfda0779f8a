import { seededRandom } from '@roomful/core'
import { verdictOf } from '@roomful/tensor'
import { afterEach, describe, expect, it } from 'vitest'
import { RuntimeError } from './error.ts'
import { MiniNet } from './testing/mini-net.ts'
import { type MiniDevice, MiniRoom, planOf } from './testing/mini-room.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1, 2, 1], height: 14, width: 6, exits: [1] })
let room: MiniRoom

async function setup(options: Partial<ConstructorParameters<typeof MiniRoom>[0]> = {}) {
  room = new MiniRoom({ net, speed: () => 200, ...options })
  return (await room.joinAll('a', 'b', 'c')) as [MiniDevice, MiniDevice, MiniDevice]
}

afterEach(async () => {
  await room.close()
  await room.clock.advance(20_000)
  expect(room.clock.pending).toBe(0)
})

const split = planOf(
  net,
  [
    ['t1', ['a']],
    ['t3', ['b']],
    ['logits', ['c']],
  ],
  { fullMs: 200 },
)
const label = (tensor: ReturnType<MiniRoom['picture']>) =>
  verdictOf(net.reference(tensor), net.output.temperature).labelIndex

describe('recovery', () => {
  for (const afterMs of [0, 5, 40, 80, 120, 160, 200]) {
    for (const victim of ['b', 'c']) {
      for (const how of ['kill', 'disconnect'] as const) {
        it(`${victim} lost by ${how} ${afterMs} ms into a request: one right answer before the deadline`, async () => {
          const [a] = await setup()
          await room.until(a.runtime.install(split))
          const tensor = room.picture()
          const startMs = room.clock.now()
          const answer = a.runtime.infer({ tensor }, { deadlineMs: 4000 })
          await room.clock.advance(afterMs)
          const id = room.devices.get(victim)?.id ?? a.id
          if (how === 'kill') room.network.kill(id)
          else room.network.disconnect(a.id, id)
          const result = await room.until(answer)
          expect(result.labelIndex).toBe(label(tensor))
          expect(room.clock.now() - startMs).toBeLessThan(4000)
        })
      }
    }
  }

  it('completes from the last feature map kept, not from the start', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(500)
    const answer = a.runtime.infer({ tensor: room.picture() })
    await room.clock.advance(60)
    room.network.disconnect(a.id, room.devices.get('b')?.id ?? a.id)
    const { trace } = await room.until(answer)
    expect(trace.recovered).toContain('b')
    const own = trace.spans.filter((span) => span.kind === 'compute' && span.device === a.id)
    expect(own.map((span) => span.volume)).toEqual([0, 1, 2])
  })

  it('gets ready to complete alone when nothing has been asked for a while, not beside requests', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    for (let i = 0; i < 5; i++) {
      await room.until(a.runtime.infer({ tensor: room.picture() }))
      await room.clock.advance(100)
      expect(a.runtime.counts.worker.sessions).toBe(1)
    }
    await room.clock.advance(1000)
    expect(a.runtime.counts.worker.sessions).toBe(3)
  })

  it('gets ready under steady load too, and forgets it with the plan', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    for (let i = 0; i < 300; i++) {
      await room.until(a.runtime.infer({ tensor: room.picture() }))
      await room.clock.advance(10)
    }
    expect(room.clock.now()).toBeLessThan(120_000)
    expect(a.runtime.counts).toMatchObject({ worker: { sessions: 3, plans: 2 }, coordinator: { plans: 2 } })
    await room.until(a.runtime.install(planOf(net, [['logits', ['a']]])))
    expect(a.runtime.counts).toMatchObject({ worker: { plans: 1 }, coordinator: { plans: 1 } })
  })

  it('a plan that is replaced before this device is ready to complete its requests leaves nothing behind', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(a.runtime.counts.coordinator.plans).toBe(1)
    await room.until(a.runtime.install(planOf(net, [['logits', ['a']]])))
    await room.clock.advance(30_000)
    expect(a.runtime.counts).toMatchObject({ worker: { plans: 1 }, coordinator: { plans: 1 } })
    expect(room.clock.pending).toBeLessThanOrEqual(9)
  })

  it('an initiator without the model completes elsewhere', async () => {
    const bare = new MiniNet({
      random: seededRandom(3),
      strides: [1, 1, 2, 1],
      height: 14,
      width: 6,
      held: () => false,
    })
    room = new MiniRoom({ net: bare, speed: () => 200, runtime: { prefetch: false } })
    const [a, b] = (await room.joinAll('a', 'b', 'c')) as [MiniDevice, MiniDevice]
    const offload = planOf(
      bare,
      [
        ['t2', ['b']],
        ['logits', ['b']],
      ],
      { fullMs: 200 },
    )
    await room.until(a.runtime.install(offload))
    const answer = a.runtime.infer({ tensor: room.picture() })
    await room.clock.advance(30)
    room.network.disconnect(a.id, b.id)
    const { trace } = await room.until(answer)
    const computed = trace.spans.filter((span) => span.kind === 'compute').map((span) => span.device)
    expect(new Set(computed)).toEqual(new Set(['c']))
  })

  it('a late answer starts a second completion and the first answer counts', async () => {
    const [a, b] = await setup({ link: { rttMs: 4 } })
    await room.until(
      a.runtime.install(
        planOf(
          net,
          [
            ['t1', ['a']],
            ['logits', ['b']],
          ],
          { fullMs: 100 },
        ),
      ),
    )
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    room.network.setLink(a.id, b.id, { rttMs: 6000 })
    const tensor = room.picture()
    const result = await room.until(a.runtime.infer({ tensor }))
    expect(result.labelIndex).toBe(label(tensor))
    expect(result.trace.recovered).toMatch(/no answer within|silent/)
    expect(result.trace.totalMs).toBeLessThan(2500)
  })

  describe('that has to be built first, for an answer that is late', () => {
    const slowBuild = { buildMs: 1500, runtime: { prefetch: false }, link: { rttMs: 4 } }
    const offload = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      { fullMs: 20 },
    )

    /** A request whose helper is heard of, and has no end. */
    async function late(deadlineMs: number, own = {}) {
      const [a, b] = await setup({ ...slowBuild, runtime: { ...slowBuild.runtime, ...own } })
      await room.until(a.runtime.install(offload))
      await room.until(a.runtime.infer({ tensor: room.picture() }))
      const engine = b.engines.all[0]
      if (engine === undefined) throw new Error('no engine')
      engine.stall()
      return { a, engine, asked: { answer: a.runtime.infer({ tensor: room.picture() }, { deadlineMs }) } }
    }

    const atRest = { worker: { sessions: 1, plans: 1 }, coordinator: { plans: 1 } }

    it('is not begun before as much time has been waited as it takes', async () => {
      const { a, engine, asked } = await late(60_000)
      await room.clock.advance(1400)
      expect(a.runtime.counts).toMatchObject(atRest)
      engine.resume()
      const { trace } = await room.until(asked.answer)
      expect(trace.recovered).toBeUndefined()
    })

    it('nor before as much as it takes to be built and to compute', async () => {
      const { a, engine, asked } = await late(60_000, { predictMs: () => 2000 })
      await room.clock.advance(3400)
      expect(a.runtime.counts).toMatchObject(atRest)
      await room.clock.advance(400)
      expect(a.runtime.counts.worker.plans).toBe(2)
      await room.until(asked.answer)
      engine.resume()
    })

    it('is given up when the answer has come', async () => {
      const { a, engine, asked } = await late(60_000)
      await room.clock.advance(2500)
      expect(a.runtime.counts.worker.plans).toBe(2)
      engine.resume()
      const { trace } = await room.until(asked.answer)
      expect(trace.recovered).toBeUndefined()
      await room.clock.advance(4000)
      expect(a.runtime.counts).toMatchObject(atRest)
    })

    it('goes on when the request had no answer in time, for the next one', async () => {
      const { a, engine, asked } = await late(2000)
      await expect(room.until(asked.answer)).rejects.toMatchObject({ reason: 'deadline' })
      await room.clock.advance(4000)
      const { trace } = await room.until(a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 2000 }))
      expect(trace.recovered).toBeDefined()
      engine.resume()
    })
  })

  it('a device that the server has lost sight of is not waited for, and its answer still counts', async () => {
    const [a, b] = await setup({ link: { rttMs: 4 } })
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(2000)
    const ask = async (dies: boolean) => {
      const tensor = room.picture()
      const answer = a.runtime.infer({ tensor })
      await room.clock.advance(60)
      room.network.unsee(b.id)
      if (dies) room.network.kill(b.id)
      const { labelIndex, trace } = await room.until(answer)
      expect(labelIndex).toBe(label(tensor))
      return trace
    }
    const alive = await ask(false)
    expect(alive.recovered).toMatch(/no answer within 60 ms/)
    await room.clock.advance(2000)
    const dead = await ask(true)
    expect(dead.totalMs).toBeLessThan(400)
    expect(new Set(dead.spans.map(({ device }) => device))).toEqual(new Set([a.id]))
  })

  it('nor is it by a request that is asked just after, until it has answered one', async () => {
    const [a, b] = await setup({ link: { rttMs: 4 } })
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(2000)
    const ask = async () => {
      const tensor = room.picture()
      const { labelIndex, trace } = await room.until(a.runtime.infer({ tensor }))
      expect(labelIndex).toBe(label(tensor))
      return trace
    }
    room.network.unsee(b.id)
    expect((await ask()).recovered).toMatch(/no answer within 0 ms/)
    expect((await ask()).recovered).toBeUndefined()
    await room.clock.advance(2000)
    room.network.unsee(b.id)
    room.network.kill(b.id)
    const dead = await ask()
    expect(dead.recovered).toMatch(/no answer within 0 ms/)
    expect(new Set(dead.spans.map(({ device }) => device))).toEqual(new Set([a.id]))
  })

  it('a room that answers late is not given twice the work', async () => {
    // b is far slower than predicted and asked twice as often as it can answer.
    const [a, b] = await setup({ speed: (id) => (id === 'b' ? 500 : 200), link: { rttMs: 4 } })
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      { fullMs: 20 },
    )
    await room.until(a.runtime.install(plan))
    const answers: Promise<{ trace: { recovered?: string } }>[] = []
    for (let i = 0; i < 40; i++) {
      answers.push(a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 60_000 }))
      await room.clock.advance(300)
    }
    const traces = (await room.until(Promise.all(answers))).map(({ trace }) => trace)
    const seconds = traces.filter(({ recovered }) => recovered !== undefined).length
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(answers.length / 4)
    expect(b.runtime.counts.worker.requests).toBe(0)
  })

  it('a helper that is there and never answers costs a few requests half of their time, then it is planned around', async () => {
    const changes: string[] = []
    const [a, b] = await setup({
      runtime: { onTopologyChange: ({ device, what, detail }) => changes.push(`${device} ${what} ${detail ?? ''}`) },
    })
    await room.until(a.runtime.install(split))
    await room.until(a.runtime.infer({ tensor: room.picture() }))
    await room.clock.advance(500)
    // Its messages are heard, its stages have no end.
    const engine = b.engines.all[0]
    if (engine === undefined) throw new Error('no engine')
    engine.stall()
    for (let i = 0; i < 8; i++) {
      const tensor = room.picture()
      const result = await room.until(a.runtime.infer({ tensor }, { deadlineMs: 4000 }))
      expect(result.labelIndex).toBe(label(tensor))
      expect(result.trace.totalMs).toBeLessThan(2600)
    }
    expect(changes).toContain('b dropped it does not answer in time')
    const { trace } = await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(trace.totalMs).toBeLessThan(400)
    engine.resume()
  })

  it('ends with a typed error at the deadline when nothing answers', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(planOf(net, [['logits', ['a']]])))
    const answer = a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 30 })
    await expect(room.until(answer)).rejects.toMatchObject({ reason: 'deadline' })
    expect(a.runtime.counts.coordinator).toMatchObject({ requests: 0, attempts: 0 })
    await room.clock.advance(1000)
  })

  it('falls back to another backend when its own is lost', async () => {
    room = new MiniRoom({ net, backends: ['ort-webgpu', 'ort-wasm'], speed: () => 200 })
    const [a] = (await room.joinAll('a', 'b')) as [MiniDevice]
    await room.until(
      a.runtime.install(
        planOf(
          net,
          [
            ['t1', ['a']],
            ['logits', ['a']],
          ],
          { backend: 'ort-webgpu' },
        ),
      ),
    )
    const tensor = room.picture()
    const answer = a.runtime.infer({ tensor })
    await room.clock.advance(10)
    a.engines.all[0]?.lose()
    const result = await room.until(answer)
    expect(result.labelIndex).toBe(label(tensor))
    expect(result.trace.recovered).toContain('ort-webgpu is gone')
  })

  it('plans around a device that says it is away, and back', async () => {
    const [a, b] = await setup()
    const changes: string[] = []
    await room.close()
    room = new MiniRoom({
      net,
      speed: () => 200,
      runtime: { onTopologyChange: ({ device, what }) => changes.push(`${device} ${what}`) },
    })
    const [a2, b2] = (await room.joinAll('a', 'b', 'c')) as [MiniDevice, MiniDevice]
    expect([a.id, b.id]).toEqual([a2.id, b2.id])
    await room.until(a2.runtime.install(split))
    b2.runtime.announce(true, 'hidden')
    await room.clock.advance(50)
    expect(changes).toContain('b away')
    const { trace } = await room.until(a2.runtime.infer({ tensor: room.picture() }))
    expect(trace.spans.some((span) => span.device === b2.id)).toBe(false)
    // A changed profile is a sign of life, not of being back; who comes later is told as well.
    b2.room.updateProfile({ visible: false })
    const late = room.join('d')
    await room.clock.advance(100)
    await room.until(late.runtime.install(planOf(net, [['logits', ['d']]])))
    expect(a2.runtime.usable(a2.runtime.current[0] as never)).toBe(false)
    expect(changes.filter((change) => change === 'b away')).toHaveLength(3)
    b2.runtime.announce(false)
    await room.clock.advance(50)
    expect(changes).toContain('b back')
    const after = await room.until(a2.runtime.infer({ tensor: room.picture() }))
    expect(after.trace.spans.some((span) => span.device === b2.id)).toBe(true)
  })

  it('a device that was gone is prepared again when it is back', async () => {
    const [a, b] = await setup()
    const [installed] = await room.until(a.runtime.install(split))
    if (installed === undefined) throw new Error('no plan')
    room.network.disconnect(a.id, b.id, 'cut', 300)
    expect(a.runtime.usable(installed)).toBe(false)
    await room.clock.advance(1000)
    expect(a.runtime.usable(installed)).toBe(true)
    const { trace } = await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(trace.recovered).toBeUndefined()
    expect(trace.spans.some((span) => span.device === b.id)).toBe(true)
  })

  it('abort ends the request at once and frees every device', async () => {
    const [a] = await setup()
    await room.until(a.runtime.install(split))
    const stop = new AbortController()
    const answer = a.runtime.infer({ tensor: room.picture() }, { signal: stop.signal })
    await room.clock.advance(60)
    stop.abort(new Error('changed my mind'))
    await expect(answer).rejects.toThrow('changed my mind')
    await room.clock.advance(500)
    for (const { runtime } of room.devices.values()) expect(runtime.counts.worker.requests).toBe(0)
  })

  it('refuses bad input with a typed error', async () => {
    const [a] = await setup()
    await expect(a.runtime.infer({ tensor: room.picture() })).rejects.toMatchObject({ reason: 'no-plan' })
    await room.until(a.runtime.install(split))
    const tensor = { dtype: 'float32', dims: [1, 2, 3], data: new Float32Array(6) } as const
    await expect(a.runtime.infer({ tensor })).rejects.toBeInstanceOf(RuntimeError)
  })
})
