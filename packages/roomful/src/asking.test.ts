import { VirtualClock } from '@roomful/core'
import { type PictureInput, type Runtime, RuntimeError } from '@roomful/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Asking } from './asking.ts'
import { RecentPictures } from './picture/recent-pictures.ts'
import type { PlanningDesk } from './plan/planning-desk.ts'
import { type Picture, RoomfulError } from './session.ts'
import type { RoomSnapshot } from './snapshot.ts'
import { EMPTY_STATS } from './view/stats.ts'
import { SnapshotStore } from './view/store.ts'

const picture: Picture = { width: 2, height: 1, data: new Uint8ClampedArray(8) }
const bad: [string, unknown][] = [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'cat.jpg'],
  ['an object without pixels', {}],
  ['a picture without a size', { data: new Uint8ClampedArray(8) }],
  ['too few bytes', { width: 2, height: 1, data: new Uint8ClampedArray(7) }],
  ['no pixels at all', { width: 0, height: 0, data: new Uint8ClampedArray(0) }],
  ['numbers that are no bytes', { width: 2, height: 1, data: new Float32Array(8) }],
]

let store: SnapshotStore
let asking: Asking
let asked: number
let fails: Error | undefined
let ready: () => Promise<void>
let hasPlan: boolean
/** How often the desk was told that somebody asks. */
let tellings: number

beforeEach(() => {
  asked = 0
  fails = undefined
  ready = async () => {}
  hasPlan = false
  tellings = 0
  store = new SnapshotStore({ stats: EMPTY_STATS, messages: [], requests: [] } as unknown as RoomSnapshot)
  const clock = new VirtualClock()
  const trace = { request: 'r', source: 'computed', exit: 'final', totalMs: 5, spans: [] }
  const infer = async () => {
    asked++
    if (fails !== undefined) throw fails
    return { trace, plan: 'p', labelIndex: 0, confidence: 1, probabilities: new Float32Array([1]) }
  }
  const runtime = {
    infer,
    stream: async function* (frames: AsyncIterable<PictureInput>) {
      for await (const _ of frames) yield { ok: true, frame: 0, result: await infer() }
    },
  }
  asking = new Asking({
    runtime: runtime as unknown as Runtime,
    desk: {
      asked: () => {
        tellings++
      },
      get hasPlan() {
        return hasPlan
      },
      ready: () => ready(),
      labelsOf: () => ['cat'],
    } as unknown as PlanningDesk,
    store,
    clock,
    pictures: new RecentPictures(clock),
    onAnswered: () => {},
  })
})

const stats = () => store.snapshot.stats

describe('Asking', () => {
  it.each(bad)('refuses %s as no picture, and asks nobody', async (_, given) => {
    const answer = asking.infer(given as Picture)
    await expect(answer).rejects.toMatchObject({ name: 'RoomfulError', reason: 'not-a-picture' })
    expect(asked).toBe(0)
    expect(stats().failed).toBe(0)
    expect(asking.busy).toBe(false)
  })

  it('counts no request that was refused before it was asked', async () => {
    await expect(asking.infer(picture, { deadlineMs: 0 })).rejects.toMatchObject({ reason: 'deadline' })
    await expect(asking.infer(picture, { deadlineMs: Number.NaN })).rejects.toMatchObject({ reason: 'deadline' })
    ready = () => Promise.reject(new RoomfulError('no-model', 'no model'))
    await expect(asking.infer(picture)).rejects.toMatchObject({ reason: 'no-model' })
    ready = async () => {}
    fails = new RuntimeError('bad-input', 'this model takes tensors')
    await expect(asking.infer(picture)).rejects.toMatchObject({ reason: 'bad-input' })
    expect(stats()).toMatchObject({ failed: 0, answered: 0 })
  })

  it('waits for a plan only where there is none', async () => {
    let waited = 0
    ready = async () => {
      waited++
    }
    await asking.infer(picture)
    hasPlan = true
    await asking.infer(picture)
    expect([waited, asked, tellings]).toEqual([1, 2, 2])
  })

  it('counts what was asked and not answered', async () => {
    fails = new RuntimeError('lost', 'nobody is left')
    await expect(asking.infer(picture)).rejects.toThrow('nobody is left')
    fails = undefined
    await asking.infer(picture)
    expect(stats()).toMatchObject({ failed: 1, answered: 1 })
  })

  it('goes on with a stream past frames that are no pictures', async () => {
    const frames = (async function* () {
      yield undefined as unknown as Picture
      yield picture
      yield { ...picture, width: 3 }
      yield picture
    })()
    const answers: unknown[] = []
    for await (const { answer } of asking.stream(frames, { frames: 'every' })) answers.push(answer?.label)
    expect(answers).toEqual(['cat', 'cat'])
    expect(stats()).toMatchObject({ failed: 0, answered: 2 })
    expect(store.snapshot.messages.map(({ text }) => text)).toEqual([
      expect.stringContaining('not a picture'),
      expect.stringContaining('not a picture'),
    ])
  })

  it('refuses a stream whose deadline is none when it is read', async () => {
    const stream = asking.stream((async function* () {})(), { deadlineMs: -1 })
    await expect(stream.next()).rejects.toMatchObject({ reason: 'deadline' })
  })
})
