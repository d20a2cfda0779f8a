import { setMaxListeners } from 'node:events'
import { seededRandom } from '@roomful/core'
import { afterEach, describe, expect, it } from 'vitest'
import { MiniNet } from './testing/mini-net.ts'
import { type MiniDevice, MiniRoom, planOf } from './testing/mini-room.ts'

const net = new MiniNet({ random: seededRandom(5), strides: [1, 1, 2], height: 14, width: 6, exits: [1] })
const split = planOf(net, [
  ['t1', ['a']],
  ['t2', ['b']],
  ['logits', ['c']],
])
let room: MiniRoom

async function setup(): Promise<[MiniDevice, MiniDevice, MiniDevice]> {
  room = new MiniRoom({ net, speed: () => 50 })
  return (await room.joinAll('a', 'b', 'c')) as [MiniDevice, MiniDevice, MiniDevice]
}

afterEach(async () => {
  await room.close()
  await room.clock.advance(20_000)
})

/** A caller's signal that counts who listens to it. */
function watched() {
  const controller = new AbortController()
  const { signal } = controller
  // Node warns of more than ten at once; here as many are meant as there are requests.
  setMaxListeners(0, signal)
  const listeners = new Set<unknown>()
  let most = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (type: string, listener: EventListenerOrEventListenerObject, options?: unknown) => {
    listeners.add(listener)
    most = Math.max(most, listeners.size)
    add(type, listener, options as AddEventListenerOptions)
  }
  signal.removeEventListener = (type: string, listener: EventListenerOrEventListenerObject, options?: unknown) => {
    listeners.delete(listener)
    remove(type, listener, options as EventListenerOptions)
  }
  return { controller, signal, listeners, most: () => most }
}

describe("a caller's signal", () => {
  it('has no listener left when plans are installed and requests have ended, however many there were', async () => {
    const [a] = await setup()
    const { signal, listeners, most } = watched()
    await room.until(a.runtime.install(split, { signal }))
    expect(listeners.size).toBe(0)
    // More than run at once: some wait for their turn.
    const asked = Array.from({ length: 40 }, () => a.runtime.infer({ tensor: room.picture() }, { signal }))
    await room.until(Promise.all(asked))
    expect(most()).toBeGreaterThan(0)
    expect(listeners.size).toBe(0)
  })

  it('has none left when requests have failed: refused, too late, or abandoned by their devices', async () => {
    const [a, b, c] = await setup()
    const { signal, listeners } = watched()
    await expect(a.runtime.infer({ tensor: room.picture() }, { signal })).rejects.toMatchObject({ reason: 'no-plan' })
    await room.until(a.runtime.install(split))
    const bad = { tensor: { ...room.picture(), dims: [1] } }
    await expect(a.runtime.infer(bad, { signal })).rejects.toMatchObject({ reason: 'bad-input' })
    const late = a.runtime.infer({ tensor: room.picture() }, { signal, deadlineMs: 1 })
    await expect(room.until(late)).rejects.toMatchObject({ reason: 'deadline' })
    const lost = a.runtime.infer({ tensor: room.picture() }, { signal })
    await room.clock.advance(1)
    for (const { room } of [b, c]) await room[Symbol.asyncDispose]()
    await room.until(lost.catch(() => {}))
    expect(listeners.size).toBe(0)
  })

  it('has none left when a stream was ended by its reader', async () => {
    const [a] = await setup()
    const { signal, listeners } = watched()
    await room.until(a.runtime.install(split))
    const frames = (async function* () {
      for (;;) yield { tensor: room.picture() }
    })()
    const first = async () => {
      for await (const end of a.runtime.stream(frames, { signal, frames: 'every' })) return end.ok
      return undefined
    }
    expect(await room.until(first())).toBe(true)
    await room.clock.advance(500)
    expect(listeners.size).toBe(0)
  })
})
