import { type DeviceId, type DeviceProfile, deviceId, modelDigest, ReasonedError, requestId } from '@roomful/core'
import { PROTOCOL_VERSION } from '@roomful/protocol'
import type { Room, TransportError } from '../room.ts'

/** What the suite needs of the room under test. */
export interface ContractHost {
  /** Enters a room of this host's network. */
  join(profile: DeviceProfile): Promise<Room>
  /** Waits for `done` with the host's time moving (virtual or real). */
  until<T>(done: Promise<T>): Promise<T>
  /** Lets `ms` of the host's time pass. */
  pass(ms: number): Promise<void>
  /** Cuts the link between two devices in a way that both sides notice. */
  cut(a: Room, b: Room): Promise<void>
  dispose(): Promise<void>
}

/** One case of the contract: a sentence and a proof that throws. Plain data, so that a page in a browser can run it too. */
export interface ContractCase {
  readonly title: string
  run(host: ContractHost): Promise<void>
}

/** A profile that says as little as possible. */
export function bareProfile(id: string): DeviceProfile {
  return {
    id: deviceId(id),
    name: `device ${id}`,
    protocol: PROTOCOL_VERSION,
    role: 'worker',
    backends: [],
    models: [],
    memoryMb: 1024,
    storage: { quotaMb: 100, writeMbPerSecond: 10, readMbPerSecond: 10 },
    lending: true,
    visible: true,
    load: 0,
  }
}

const options = { timeoutMs: 5000 }
const digest = modelDigest('00')

/** Both rooms, linked. */
async function pair(host: ContractHost): Promise<[Room, Room]> {
  const a = await host.join(bareProfile('alpha'))
  const b = await host.join(bareProfile('beta'))
  await host.until(Promise.all([linked(a, b.self), linked(b, a.self)]))
  return [a, b]
}

/** Resolves when `room` reports the link to `peer` as connected. */
export function linked(room: Room, peer: DeviceId): Promise<void> {
  return new Promise((resolve) => {
    if (room.peers.get(peer)?.link === 'connected') return resolve()
    const undo = room.on('peer', (id, state) => {
      if (id !== peer || state.link !== 'connected') return
      undo()
      resolve()
    })
  })
}

const gone = (room: Room, peer: DeviceId): Promise<string> =>
  new Promise((resolve) => {
    const undo = room.on('gone', (id, reason) => {
      if (id !== peer) return
      undo()
      resolve(reason)
    })
  })

function check(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(text)
}

/** The error with which `work` ends; an error here when it does not fail. */
async function failure(work: Promise<unknown>): Promise<ReasonedError> {
  try {
    await work
  } catch (error) {
    check(error instanceof ReasonedError, `not a ReasonedError: ${String(error)}`)
    return error
  }
  throw new Error('it should have failed')
}

/** What every Room promises; memory and WebRTC rooms run the same list. */
export const ROOM_CONTRACT: readonly ContractCase[] = [
  {
    title: 'answers a question with its body and its blobs, byte for byte',
    async run(host) {
      const [a, b] = await pair(host)
      b.handle('weights', async ({ start, end }, { from }) => {
        check(from === a.self, `asked by ${from}`)
        return { blobs: [Uint8Array.from({ length: end - start }, (_, i) => (start + i) & 255)] }
      })
      const { blobs } = await host.until(
        a.request(b.self, 'weights', { digest, start: 5, end: 300_005 }, { ...options, timeoutMs: 20_000 }),
      )
      const [bytes] = blobs ?? []
      check(bytes?.byteLength === 300_000, `got ${bytes?.byteLength} bytes`)
      check(
        bytes.every((byte, i) => byte === ((5 + i) & 255)),
        'the bytes differ',
      )
    },
  },
  {
    title: 'matches replies by id, not by order',
    async run(host) {
      const [a, b] = await pair(host)
      const release: (() => void)[] = []
      b.handle('cacheGet', async ({ key }) => {
        if (key === 'slow') await new Promise<void>((resolve) => release.push(resolve))
        else for (const go of release) go()
        return { hit: key === 'slow' }
      })
      const answers = await host.until(
        Promise.all([
          a.request(b.self, 'cacheGet', { key: 'slow' }, options),
          a.request(b.self, 'cacheGet', { key: 'fast' }, options),
        ]),
      )
      check(answers[0].hit && !answers[1].hit, 'answers were swapped')
    },
  },
  {
    title: 'carries the failure of the handler with its reason',
    async run(host) {
      const [a, b] = await pair(host)
      b.handle('retire', async () => {
        throw new ReasonedError('no-such-plan', 'there is no such plan')
      })
      const error = await host.until(failure(a.request(b.self, 'retire', { planId: 'p' as never }, options)))
      check(error.reason === 'no-such-plan', `reason ${error.reason}`)
    },
  },
  {
    title: 'ends an unanswered question at its timeout and tells the handler',
    async run(host) {
      const [a, b] = await pair(host)
      const aborted = new Promise<void>((resolve) => {
        b.handle('cacheGet', (_, { signal }) => {
          signal.addEventListener('abort', () => resolve())
          return new Promise(() => {})
        })
      })
      const error = await host.until(failure(a.request(b.self, 'cacheGet', { key: 'k' }, { timeoutMs: 300 })))
      check(error.reason === 'timeout', `reason ${error.reason}`)
      await host.until(aborted)
    },
  },
  {
    title: "rethrows the caller's abort reason and tells the handler",
    async run(host) {
      const [a, b] = await pair(host)
      const controller = new AbortController()
      const aborted = new Promise<void>((resolve) => {
        b.handle('cacheGet', (_, { signal }) => {
          signal.addEventListener('abort', () => resolve())
          controller.abort(new ReasonedError('changed-mind', 'not needed'))
          return new Promise(() => {})
        })
      })
      const asked = a.request(b.self, 'cacheGet', { key: 'k' }, { ...options, signal: controller.signal })
      const error = await host.until(failure(asked))
      check(error.reason === 'changed-mind', `reason ${error.reason}`)
      await host.until(aborted)
    },
  },
  {
    title: 'delivers notices of one kind in order',
    async run(host) {
      const [a, b] = await pair(host)
      const seen: number[] = []
      const done = new Promise<void>((resolve) => {
        b.onNotice('load', ({ queued }) => {
          seen.push(queued)
          if (queued === 49) resolve()
        })
      })
      for (let queued = 0; queued < 50; queued++)
        await host.until(a.notify(b.self, 'load', { load: 0, queued }, options))
      await host.until(done)
      check(
        seen.every((value, i) => value === i),
        `order ${seen}`,
      )
    },
  },
  {
    title: 'lets a cancel overtake a large feature map that was sent before it',
    async run(host) {
      const [a, b] = await pair(host)
      const order: string[] = []
      const done = new Promise<void>((resolve) => {
        b.onNotice('cancel', () => order.push('cancel'))
        b.onNotice('cacheIndex', () => {
          order.push('index')
          resolve()
        })
      })
      const blobs = [new Uint8Array(8 << 20)]
      const bulk = a.notify(b.self, 'cacheIndex', { added: [], removed: [], blobs }, { timeoutMs: 60_000 })
      await host.until(a.notify(b.self, 'cancel', { requestId: requestId('r') }, options))
      await host.until(Promise.all([bulk, done]))
      check(order.join() === 'cancel,index', `order ${order}`)
    },
  },
  {
    title: 'holds what comes before its handler and delivers it',
    async run(host) {
      const [a, b] = await pair(host)
      await host.until(a.notify(b.self, 'presence', { away: true }, options))
      const asked = a.request(b.self, 'cacheGet', { key: 'k' }, options)
      await host.pass(300)
      b.handle('cacheGet', async () => ({ hit: true }))
      const { hit } = await host.until(asked)
      const away = await host.until(
        new Promise<boolean>((resolve) => b.onNotice('presence', (body) => resolve(body.away))),
      )
      check(hit && away, 'something was lost')
    },
  },
  {
    title: 'refuses a question to a device that is not there',
    async run(host) {
      const [a] = await pair(host)
      const error = await host.until(failure(a.request(deviceId('nobody'), 'cacheGet', { key: 'k' }, options)))
      check(error.reason === 'unreachable', `reason ${error.reason}`)
    },
  },
  {
    title: 'rejects open questions with disconnected when the link is cut, and aborts what the peer asked',
    async run(host) {
      const [a, b] = await pair(host)
      const aborted = new Promise<void>((resolve) => {
        b.handle('cacheGet', (_, { signal }) => {
          signal.addEventListener('abort', () => resolve())
          void host.cut(a, b)
          return new Promise(() => {})
        })
      })
      const heard = Promise.all([gone(a, b.self), gone(b, a.self)])
      const error = await host.until(failure(a.request(b.self, 'cacheGet', { key: 'k' }, options)))
      check(error.reason === 'disconnected', `reason ${error.reason}`)
      await host.until(Promise.all([aborted, heard]))
    },
  },
  {
    title: 'says gone when a device leaves, and rejects what was asked of it',
    async run(host) {
      const [a, b] = await pair(host)
      b.handle('cacheGet', () => new Promise(() => {}))
      const asked = failure(a.request(b.self, 'cacheGet', { key: 'k' }, options))
      const heard = gone(a, b.self)
      await host.pass(100)
      await host.until(Promise.resolve(b[Symbol.asyncDispose]()))
      const error = await host.until(asked)
      check(error.reason === 'disconnected', `reason ${error.reason}`)
      await host.until(heard)
    },
  },
  {
    title: 'publishes a changed profile to the room',
    async run(host) {
      const [a, b] = await pair(host)
      const heard = new Promise<number>((resolve) => {
        a.on('peer', (id, { profile }) => {
          if (id === b.self && profile.load > 0) resolve(profile.load)
        })
      })
      b.updateProfile({ load: 0.5 })
      check((await host.until(heard)) === 0.5, 'another load')
    },
  },
  {
    title: 'answers closed after it was left',
    async run(host) {
      const [a, b] = await pair(host)
      await host.until(Promise.resolve(a[Symbol.asyncDispose]()))
      const error = (await host.until(failure(a.request(b.self, 'cacheGet', { key: 'k' }, options)))) as TransportError
      check(error.reason === 'closed', `reason ${error.reason}`)
    },
  },
]

/** Registers the contract with a test runner: one test per case, each with a host of its own. */
export function runRoomContract(
  test: (title: string, body: () => Promise<void>) => void,
  create: () => ContractHost | Promise<ContractHost>,
): void {
  for (const { title, run } of ROOM_CONTRACT) {
    test(title, async () => {
      const host = await create()
      try {
        await run(host)
      } finally {
        await host.dispose()
      }
    })
  }
}
