import { deviceId, type Plan, planId, VirtualClock } from '@roomful/core'
import type { InstalledPlan, PictureInput } from '@roomful/runtime'
import { describe, expect, it } from 'vitest'
import type { Picture } from '../session.ts'
import { type TrialOptions, tryPlan } from './trial.ts'

const [here, there] = [deviceId('here'), deviceId('there')]
const planOn = (device: string): Plan =>
  ({ model: 'm', volumes: [{ shards: [{ device, backend: 'ort-wasm' }] }], exits: [] }) as unknown as Plan
const installed = (name: string, device: string): InstalledPlan =>
  ({ planId: planId(name), plan: planOn(device), prepared: [] }) as unknown as InstalledPlan
const current = installed('current', here)
const candidate = installed('candidate', there)
const picture = (shade: number): Picture => ({ width: 1, height: 1, data: new Uint8ClampedArray(4).fill(shade) })

/** A room in which a plan takes `ms(plan, shade, run)`; tells what ran and what was retired. */
function trial(
  ms: (plan: string, shade: number, run: number) => number,
  options: { pictures?: readonly Picture[]; isAsking?: (ran: number) => boolean } = {},
) {
  const clock = new VirtualClock()
  const ran: { plan: string; shade: number }[] = []
  const asked: string[][] = []
  const retired: unknown[] = []
  const runtime = {
    usable: () => true,
    prepare: async () => candidate,
    retire: (one: unknown) => void retired.push(one),
    infer: async (input: PictureInput, { plan }: { plan?: InstalledPlan } = {}) => {
      if (!('picture' in input)) throw new Error('a trial shows pictures')
      const [shade = 0] = input.picture.data
      // Whoever runs a picture may keep it.
      input.picture.data.fill(0)
      ran.push({ plan: plan?.planId ?? '', shade })
      const totalMs = ms(plan?.planId ?? '', shade, ran.length)
      await clock.advance(totalMs)
      return { trace: { totalMs } }
    },
  } as unknown as TrialOptions['runtime']
  const pictures = {
    among: (devices: readonly string[]) => {
      asked.push([...devices])
      return [...(options.pictures ?? [])]
    },
  }
  const isAsking = () => options.isAsking?.(ran.length) ?? false
  const size = { width: 1, height: 1 }
  const signal = new AbortController().signal
  const result = tryPlan(planOn(there), current, { runtime, clock, pictures, size, isAsking, signal })
  return { result, ran, asked, retired }
}

describe('tryPlan', () => {
  it('runs both plans equally often on the last pictures, in turns, the first round for nothing', async () => {
    const { result, ran, asked, retired } = trial((plan, shade) => (plan === 'current' ? 10 : shade === 1 ? 4 : 10), {
      pictures: [picture(1), picture(2), picture(3)],
    })
    expect(await result).toEqual({ currentMs: 10, candidateMs: 8, pictures: 3, runs: 9 })
    expect(ran).toHaveLength(24)
    for (const shade of [1, 2, 3]) {
      for (const plan of ['current', 'candidate'])
        expect(ran.filter((one) => one.plan === plan && one.shade === shade)).toHaveLength(4)
    }
    const first = ran.filter((_, at) => at % 2 === 0).map(({ plan }) => plan)
    expect(first.filter((plan) => plan === 'current')).toHaveLength(6)
    // Only pictures that the devices of both plans may see.
    expect(asked).toEqual([[there, here]])
    expect(retired).toEqual([candidate])
  })

  it('shows a grey picture where nobody has asked about one', async () => {
    const { result, ran } = trial(() => 5)
    expect(await result).toEqual({ currentMs: 5, candidateMs: 5, pictures: 0, runs: 9 })
    expect(new Set(ran.map(({ shade }) => shade))).toEqual(new Set([128]))
  })

  it('is not misled by single hiccups', async () => {
    const { result } = trial((plan, _, run) =>
      plan === 'candidate' && run % 7 === 0 ? 500 : plan === 'current' ? 10 : 9,
    )
    expect(await result).toMatchObject({ currentMs: 10, candidateMs: 9 })
  })

  it('ends early with a hopeless plan, and when it takes long', async () => {
    const hopeless = trial((plan) => (plan === 'current' ? 10 : 100))
    expect(await hopeless.result).toMatchObject({ currentMs: 10, candidateMs: 100, runs: 3 })
    const slow = trial(() => 4_000)
    expect(await slow.result).toMatchObject({ runs: 3 })
  })

  it('gives up when somebody asks, and leaves nothing prepared', async () => {
    const { result, retired } = trial(() => 5, { isAsking: (ran) => ran >= 8 })
    expect(await result).toBeUndefined()
    expect(retired).toEqual([candidate])
  })

  it('leaves nothing prepared when the plan fails', async () => {
    const { result, retired } = trial((plan) => {
      if (plan === 'candidate') throw new Error('lost')
      return 5
    })
    await expect(result).rejects.toThrow('lost')
    expect(retired).toEqual([candidate])
  })
})
