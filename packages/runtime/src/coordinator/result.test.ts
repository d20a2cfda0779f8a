import { type DeviceId, seededRandom } from '@roomful/core'
import type { NoticeOf } from '@roomful/protocol'
import { encodeFeature, type FeatureMap } from '@roomful/tensor'
import type { Room } from '@roomful/transport'
import { describe, expect, it } from 'vitest'
import { MiniNet } from '../testing/mini-net.ts'
import { MiniRoom, planOf } from '../testing/mini-room.ts'

const net = new MiniNet({ random: seededRandom(3), strides: [1, 1], height: 8, width: 4, exits: [1] })
type Result = NoticeOf<'result'>

const floats = (...values: number[]): FeatureMap => ({
  dtype: 'float32',
  dims: [1, values.length],
  data: Float32Array.from(values),
})

/** A helper's room whose results are changed on their way. */
function lying(room: Room, lie: (result: Result) => Promise<Result>): Room {
  return new Proxy(room, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (key !== 'notify') return typeof value === 'function' ? value.bind(target) : value
      return async (to: DeviceId, kind: never, body: never, options: never) => {
        await target.notify(to, kind, kind === 'result' ? ((await lie(body)) as never) : body, options)
      }
    },
  })
}

/** The result with other logits. */
const giving =
  (logits: FeatureMap | undefined, header: Partial<Result> = {}) =>
  async (result: Result): Promise<Result> => {
    const blobs = logits === undefined ? [] : [await encodeFeature(logits, { bits: 32, entropy: 'none' })]
    const report = result.blobs?.at(-1)
    return { ...result, ...header, blobs: [...blobs, ...(report === undefined ? [] : [report])] }
  }

describe('a result that no stage of the plan gives', () => {
  const lies = {
    'too few logits': giving(floats(9, 8, 7)),
    'rows of what has none': giving(floats(9, 8, 7), { rows: { start: 2, end: 900 } }),
    'no logits': giving(undefined),
    'logits that are no numbers': giving(floats(0, 0, Number.NaN, 0, 0)),
    'an exit that the plan has not': giving(floats(9, 0, 0, 0, 0), { exit: 'nonsense' }),
    'an exit whose logits are no numbers': giving(floats(0, 0, Number.NaN, 0, 0), { exit: 'exit1', confident: true }),
  }
  for (const [name, lie] of Object.entries(lies)) {
    it(`fails its device, and the answer is right: ${name}`, async () => {
      const room = new MiniRoom({ net })
      const a = room.join('a')
      room.join('b', {}, (own) => lying(own, lie))
      await room.clock.advance(100)
      const exits = name.startsWith('an exit whose') ? [{ exit: 'exit1', device: 'b', threshold: 0.99 }] : []
      const volumes = [['t1', ['a']] as const, ['logits', ['b']] as const]
      await room.until(a.runtime.install(planOf(net, volumes, { exits, fullMs: 100 })))
      const tensor = room.picture()
      const { trace, outputs, exit } = await room.until(a.runtime.infer({ tensor }))
      expect(exit).toBe('final')
      expect(outputs).toEqual([net.reference(tensor)])
      expect(trace.recovered).toBeDefined()
      await room.close()
      await room.clock.advance(20_000)
      expect(room.clock.pending).toBe(0)
    })
  }
})
