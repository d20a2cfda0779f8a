import type { RoomSession } from 'roomful'
import { expect, test } from '../rig/fixture.ts'

/** How a call of the session ended, as plain data. */
type End = { readonly name?: string; readonly reason?: string } | 'resolved'

test('of several models the last one asked for wins, and a load can be aborted', async ({ rig }) => {
  const device = await rig.open({ name: 'Phone' })
  await device.ready(0)
  const ends = await device.page.evaluate(async (): Promise<End[]> => {
    const session = globalThis.roomful?.session as RoomSession
    const end = (work: Promise<unknown>): Promise<End> =>
      work.then(
        () => 'resolved',
        ({ name, reason }: { name?: string; reason?: string }) => ({
          ...(name && { name }),
          ...(reason && { reason }),
        }),
      )
    const controller = new AbortController()
    const aborted = end(session.loadModel('models/imagenette/', { signal: controller.signal }))
    controller.abort()
    // The first of these would be opened sooner: it is known already.
    const superseded = end(session.loadModel('models/imagenette/'))
    const last = end(session.loadModel(new URL('models/imagenette/', location.href).href))
    return Promise.all([aborted, superseded, last])
  })
  expect(ends).toEqual([{ name: 'AbortError' }, { name: 'RoomfulError', reason: 'superseded' }, 'resolved'])
  expect((await device.snapshot()).modelState).toBe('ready')
})

test('after leaving, and for what is no picture, every call rejects with a typed error', async ({ rig }) => {
  const device = await rig.open({ name: 'Phone' })
  await device.ready(0)
  const { before, failed, after } = await device.page.evaluate(async () => {
    const session = globalThis.roomful?.session as RoomSession
    const picture = { width: 8, height: 8, data: new Uint8ClampedArray(256) }
    const end = (call: () => Promise<unknown>): Promise<End> =>
      call().then(
        () => 'resolved',
        ({ name, reason }: { name?: string; reason?: string }) => ({
          ...(name && { name }),
          ...(reason && { reason }),
        }),
      )
    const before: Record<string, End> = {}
    for (const [name, given] of Object.entries({ undefined: undefined, null: null, text: 'cat.jpg' })) {
      before[name] = await end(() => session.infer(given as unknown as typeof picture))
    }
    before['picture'] = await end(() => session.infer(picture))
    const { failed } = session.snapshot.stats
    const pending = end(() => session.infer({ ...picture }, { cache: false }))
    await session.leave()
    await pending
    const frames = (async function* () {
      yield picture
    })()
    const calls: Record<string, () => Promise<unknown>> = {
      infer: () => session.infer(picture),
      inferStream: async () => {
        // It is made without a word: the iterator rejects.
        const stream = session.inferStream(frames)
        for await (const _ of stream) break
      },
      loadModel: () => session.loadModel('models/imagenette/'),
      planAutomatically: () => session.planAutomatically(),
      planByHand: () => session.planByHand([{ device: session.self, to: 'logits' }]),
      measure: () => session.measure(),
    }
    const after: Record<string, End> = {}
    for (const [name, call] of Object.entries(calls)) after[name] = await end(call)
    await session.leave()
    return { before, failed, after }
  })
  const refused = { name: 'RoomfulError', reason: 'not-a-picture' }
  expect(before).toEqual({ undefined: refused, null: refused, text: refused, picture: 'resolved' })
  expect(failed).toBe(0)
  const left = { name: 'RoomfulError', reason: 'left' }
  expect(after).toEqual({
    infer: left,
    inferStream: left,
    loadModel: left,
    planAutomatically: left,
    planByHand: left,
    measure: left,
  })
})
