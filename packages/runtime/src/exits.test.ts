import { FINAL_EXIT, seededRandom } from '@roomful/core'
import { verdictOf } from '@roomful/tensor'
import { afterEach, describe, expect, it } from 'vitest'
import { MiniNet } from './testing/mini-net.ts'
import { MiniRoom, planOf } from './testing/mini-room.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1, 2, 1], height: 14, width: 6, exits: [1, 3] })
let room: MiniRoom

async function setup(options: Partial<ConstructorParameters<typeof MiniRoom>[0]> = {}) {
  room = new MiniRoom({ net, backends: ['ort-webgpu', 'ort-wasm'], ...options })
  const [a, b] = await room.joinAll('a', 'b', 'c')
  if (a === undefined || b === undefined) throw new Error('no devices')
  return { a, b }
}

afterEach(async () => {
  await room.close()
  await room.clock.advance(1000)
  expect(room.clock.pending).toBe(0)
})

const always = { threshold: 0, backend: 'ort-wasm' } as const
const never = { threshold: 1, backend: 'ort-wasm' } as const

describe('exits', () => {
  for (const mode of ['race', 'wait'] as const) {
    for (const device of ['a', 'b', 'c']) {
      it(`a confident exit on ${device} answers (${mode}) and the rest is cancelled everywhere`, async () => {
        const { a } = await setup()
        const plan = planOf(
          net,
          [
            ['t1', ['a']],
            ['t3', ['b']],
            ['logits', ['b']],
          ],
          {
            exits: [{ exit: 'exit1', device, mode, ...always }],
          },
        )
        await room.until(a.runtime.install(plan))
        const tensor = room.picture()
        const result = await room.until(a.runtime.infer({ tensor }))
        expect(result.exit).toBe('exit1')
        const wanted = verdictOf(net.reference(tensor, 'exit1.logits'), 1)
        expect(result.labelIndex).toBe(wanted.labelIndex)
        expect(result.confidence).toBeCloseTo(wanted.confidence, 4)
        await room.clock.advance(300)
        for (const { runtime } of room.devices.values()) expect(runtime.counts.worker.requests).toBe(0)
      })

      it(`an unsure exit on ${device} leaves the answer to the trunk (${mode})`, async () => {
        const { a } = await setup()
        const plan = planOf(
          net,
          [
            ['t1', ['a', 0, 6], ['b', 6, 14]],
            ['t3', ['b']],
            ['logits', ['a']],
          ],
          {
            exits: [{ exit: 'exit1', device, mode, ...never }],
          },
        )
        await room.until(a.runtime.install(plan))
        const tensor = room.picture()
        const result = await room.until(a.runtime.infer({ tensor }))
        expect(result.exit).toBe(FINAL_EXIT)
        const wanted = verdictOf(net.reference(tensor), net.output.temperature)
        expect(result.labelIndex).toBe(wanted.labelIndex)
        expect(result.confidence).toBeCloseTo(wanted.confidence, 4)
      })
    }
  }

  for (const [device, mode] of [
    ['a', 'wait'],
    ['b', 'wait'],
    ['a', 'race'],
    ['b', 'race'],
  ] as const) {
    it(`exits in mode ${mode} between volumes of their own processor (${device}) run in one piece with them, in their turn`, async () => {
      const { a, b } = await setup()
      const cancelled: string[] = []
      b.room.onNotice('cancel', ({ requestId }) => cancelled.push(requestId))
      for (const [first, second, taken] of [
        [never, never, FINAL_EXIT],
        [always, never, 'exit1'],
        [never, always, 'exit3'],
      ] as const) {
        const plan = planOf(
          net,
          [
            ['t1', [device]],
            ['t3', [device]],
            ['logits', [device]],
          ],
          {
            exits: [
              { exit: 'exit1', device, mode, ...first },
              { exit: 'exit3', device, mode, ...second },
            ],
          },
        )
        await room.until(a.runtime.install(plan))
        const tensor = room.picture()
        const { exit, labelIndex, trace } = await room.until(a.runtime.infer({ tensor }))
        expect(exit).toBe(taken)
        const logits = net.reference(tensor, taken === FINAL_EXIT ? undefined : `${taken}.logits`)
        expect(labelIndex).toBe(verdictOf(logits, taken === FINAL_EXIT ? net.output.temperature : 1).labelIndex)
        const done = trace.spans.filter(({ kind }) => kind === 'compute' || kind === 'exit')
        const all = ['compute 0', 'exit 1', 'compute 1', 'exit 2', 'compute 2']
        const upTo = taken === FINAL_EXIT ? 5 : taken === 'exit1' ? 2 : 4
        expect(done.map(({ kind, volume }) => `${kind} ${volume}`)).toEqual(all.slice(0, upTo))
        // Nobody is thought to be at it still.
        expect(cancelled).toEqual([])
        await room.clock.advance(300)
        for (const { runtime } of room.devices.values()) expect(runtime.counts.worker.requests).toBe(0)
      }
    })
  }

  for (const device of ['a', 'b']) {
    it(`an exit that ends a chain on ${device} cancels a slower one beside it there`, async () => {
      const { a } = await setup({ speed: (_, backend) => (backend === 'ort-webgpu' ? 100_000 : 1) })
      const volumes = ['t1', 't3', 'logits'].map((to) => [to, [device]] as const)
      const beside = { exit: 'exit1', device, mode: 'race', threshold: 1, backend: 'ort-webgpu' } as const
      const plan = planOf(net, volumes, { exits: [beside, { exit: 'exit3', device, mode: 'race', ...always }] })
      await room.until(a.runtime.install(plan))
      const { exit } = await room.until(a.runtime.infer({ tensor: room.picture() }))
      expect(exit).toBe('exit3')
      await room.clock.advance(50)
      for (const { runtime } of room.devices.values()) expect(runtime.counts.worker.requests).toBe(0)
    })
  }

  for (const [first, second] of [
    ['a', 'b'],
    ['b', 'c'],
    ['b', 'b'],
    ['c', 'a'],
  ] as const) {
    it(`of two exits that are waited for at one cut (${first}, ${second}) each holds what comes after it`, async () => {
      const twin = new MiniNet({ random: seededRandom(4), strides: [1, 1, 2], height: 14, width: 6, exits: [1, 1] })
      // The exits are slow: whoever did not wait for them would be seen at work.
      const { a, b } = await setup({ net: twin, speed: (_, backend) => (backend === 'ort-wasm' ? 50 : 1) })
      const cancelled: string[] = []
      b.room.onNotice('cancel', ({ requestId }) => cancelled.push(requestId))
      for (const [one, other, taken] of [
        [always, never, 'exit1'],
        [never, always, 'exit1b'],
        [never, never, FINAL_EXIT],
      ] as const) {
        const exits = [
          { exit: 'exit1', device: first, mode: 'wait', ...one },
          { exit: 'exit1b', device: second, mode: 'wait', ...other },
        ] as const
        const volumes = [
          ['t1', ['a', 0, 6], ['b', 6, 14]],
          ['logits', ['c']],
        ] as const
        await room.until(a.runtime.install(planOf(twin, volumes, { exits, backend: 'ort-webgpu' })))
        const tensor = room.picture()
        const { exit, labelIndex, trace } = await room.until(a.runtime.infer({ tensor }))
        expect(exit).toBe(taken)
        const logits = twin.reference(tensor, taken === FINAL_EXIT ? undefined : `${taken}.logits`)
        expect(labelIndex).toBe(verdictOf(logits, taken === FINAL_EXIT ? twin.output.temperature : 1).labelIndex)
        const ran = trace.spans.flatMap((span) => (span.kind === 'exit' ? [span.exit] : []))
        const trunk = trace.spans.filter(({ kind, volume }) => kind === 'compute' && volume === 1)
        expect(ran.toSorted()).toEqual(taken === 'exit1' ? ['exit1'] : ['exit1', 'exit1b'])
        expect(trunk).toHaveLength(taken === FINAL_EXIT ? 1 : 0)
        await room.clock.advance(500)
        for (const { runtime } of room.devices.values()) expect(runtime.counts.worker.requests).toBe(0)
      }
      expect(cancelled).toEqual([])
    })
  }

  it('the trunk is not delayed by an exit that races on a processor of its own', async () => {
    const { a } = await setup({ speed: (_, backend) => (backend === 'ort-wasm' ? 300 : 100) })
    const volumes = [
      ['t1', ['a']],
      ['logits', ['a']],
    ] as const
    const time = async (exits: Parameters<typeof planOf>[2]) => {
      await room.until(a.runtime.install(planOf(net, volumes, { ...exits, backend: 'ort-webgpu' })))
      return (await room.until(a.runtime.infer({ tensor: room.picture() }))).trace.totalMs
    }
    const alone = await time({})
    const racing = await time({ exits: [{ exit: 'exit1', device: 'a', mode: 'race', ...never }] })
    const waiting = await time({ exits: [{ exit: 'exit1', device: 'a', mode: 'wait', ...never }] })
    expect(racing).toBeLessThanOrEqual(alone * 1.05)
    expect(waiting).toBeGreaterThan(alone)
  })

  it('cancel stops a long stage at the end of its running segment', async () => {
    const slow = { speed: (_: string, backend: string) => (backend === 'ort-wasm' ? 1 : 500) }
    const predictMs = (macs: number) => (macs / 10_000) * 500
    const { a } = await setup({ ...slow, runtime: { predictMs } })
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      {
        backend: 'ort-webgpu',
        exits: [{ exit: 'exit1', device: 'a', mode: 'race', ...always }],
      },
    )
    await room.until(a.runtime.install(plan))
    const result = await room.until(a.runtime.infer({ tensor: room.picture() }))
    expect(result.exit).toBe('exit1')
    expect(predictMs(net.macs)).toBeGreaterThan(100)
    await room.clock.advance(60)
    const other = await room.until(a.runtime.infer({ tensor: room.picture() }, { deadlineMs: 5000 }))
    expect(other.exit).toBe('exit1')
  })

  it('speculative sending does not change what an 8-bit wire answers', async () => {
    const { a } = await setup()
    const plan = planOf(
      net,
      [
        ['t1', ['a']],
        ['logits', ['b']],
      ],
      {
        wire: { bits: 8, entropy: 'deflate' },
        exits: [{ exit: 'exit1', device: 'b', mode: 'race', ...never }],
      },
    )
    await room.until(a.runtime.install(plan))
    let same = 0
    for (let i = 0; i < 20; i++) {
      const tensor = room.picture()
      const result = await room.until(a.runtime.infer({ tensor }))
      if (result.labelIndex === verdictOf(net.reference(tensor), net.output.temperature).labelIndex) same++
    }
    expect(same).toBeGreaterThanOrEqual(19)
  })
})
