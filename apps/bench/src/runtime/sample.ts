import type { Trace } from '@roomful/core'
import type { Device } from '../../../../e2e/rig/device.ts'

/** One request as its caller saw it. */
export interface RuntimeSample {
  /** From the call of `infer` to its answer. */
  readonly ms: number
  readonly trace: Trace
}

const DEADLINE_MS = 20_000

/** A closed loop in the page: the next request begins when the last has its answer. `benchPictures` are shown in turn. */
export function sampleRequests(device: Device, count: number): Promise<RuntimeSample[]> {
  return device.page.evaluate(
    async ({ count, deadlineMs }) => {
      const session = globalThis.roomful?.session
      const held = globalThis.benchPictures ?? []
      if (session === undefined) throw new Error('the page holds no session')
      const samples: RuntimeSample[] = []
      for (let i = 0; i < count; i++) {
        const picture = held[i % held.length]
        if (picture === undefined) throw new Error('the page holds no pictures')
        const startMs = performance.now()
        const { trace } = await session.infer(picture, { cache: false, deadlineMs })
        samples.push({ ms: performance.now() - startMs, trace })
      }
      return samples
    },
    { count, deadlineMs: DEADLINE_MS },
  )
}
