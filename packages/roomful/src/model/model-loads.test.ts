import { beforeEach, describe, expect, it, vi } from 'vitest'
import { RoomfulError } from '../session.ts'
import type { RoomSnapshot } from '../snapshot.ts'
import { SnapshotStore } from '../view/store.ts'
import { ModelLoads } from './model-loads.ts'

let store: SnapshotStore
let ended: AbortController
const use = vi.fn(async (_model: string, _signal: AbortSignal) => {})
let loads: ModelLoads<string>

beforeEach(() => {
  store = new SnapshotStore({ messages: [], modelState: 'none' } as unknown as RoomSnapshot)
  ended = new AbortController()
  use.mockReset()
  use.mockImplementation(async (model) => store.update({ model: { name: model } as RoomSnapshot['model'] & object }))
  loads = new ModelLoads({ store, ended: ended.signal, use })
})

function later() {
  let resolve: (model: string) => void = () => {}
  const promise = new Promise<string>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const never = () => new Promise<never>(() => {})
const superseded = { name: 'RoomfulError', reason: 'superseded' }

describe('ModelLoads', () => {
  it('lets the last model asked for win, though the first one is opened later', async () => {
    const first = later()
    const one = loads.load(() => first.promise)
    const two = loads.load(async () => 'second')
    await expect(one).rejects.toMatchObject(superseded)
    await two
    first.resolve('first')
    await Promise.resolve()
    expect(use.mock.calls.map(([model]) => model)).toEqual(['second'])
    expect(store.snapshot).toMatchObject({ modelState: 'ready', messages: [] })
  })

  it('ends a load that is superseded while its plan is being installed, and stays loading for the other', async () => {
    const told: AbortSignal[] = []
    use.mockImplementationOnce(async (_, signal) => {
      told.push(signal)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    })
    const one = loads.load(async () => 'first')
    await vi.waitFor(() => expect(told).toHaveLength(1))
    const opening = later()
    const two = loads.load(() => opening.promise)
    await expect(one).rejects.toMatchObject(superseded)
    expect(store.snapshot.modelState).toBe('loading')
    opening.resolve('second')
    await two
    expect(store.snapshot).toMatchObject({ modelState: 'ready', model: { name: 'second' } })
  })

  it('is given up by its caller at any moment, and says nothing of it', async () => {
    const controller = new AbortController()
    const one = loads.load(never, controller.signal)
    controller.abort(new Error('enough'))
    await expect(one).rejects.toThrow('enough')
    expect(store.snapshot).toMatchObject({ modelState: 'none', messages: [] })
    await expect(loads.load(async () => 'late', controller.signal)).rejects.toThrow('enough')
    expect(use).not.toHaveBeenCalled()
  })

  it('keeps the model it had when another is refused, and says why', async () => {
    await loads.load(async () => 'good')
    const refused = loads.load(() => Promise.reject(new RoomfulError('bad-model', 'no ONNX file')))
    await expect(refused).rejects.toMatchObject({ reason: 'bad-model' })
    expect(store.snapshot).toMatchObject({ modelState: 'ready', messages: [{ kind: 'error', text: 'no ONNX file' }] })
  })

  it('has failed when the first model is refused', async () => {
    await expect(loads.load(() => Promise.reject(new RoomfulError('bad-model', 'no')))).rejects.toThrow('no')
    expect(store.snapshot.modelState).toBe('failed')
  })

  it('rejects when the device leaves, and afterwards', async () => {
    const one = loads.load(never)
    ended.abort(new RoomfulError('left', 'this device has left the room'))
    await expect(one).rejects.toMatchObject({ reason: 'left' })
    await expect(loads.load(async () => 'late')).rejects.toMatchObject({ reason: 'left' })
  })
})
