import { type Clock, errorText, systemClock, withDeadline } from '@roomful/core'
import { ServerError } from '../error.ts'
import { MemoryStore } from './memory-store.ts'
import type { RegistryStore, StoreLimits } from './store.ts'

export interface OpenStore {
  readonly store: RegistryStore
  /** For socket.io; undefined in memory. */
  readonly adapter: ReturnType<typeof import('@socket.io/redis-adapter')['createAdapter']> | undefined
  /** Ends the connections, after `store.close`; what was asked of Redis before is answered first, for at most a second. */
  close(): Promise<void>
}

/** How long Redis may take to answer at the start. */
const CONNECT_TIMEOUT_MS = 5000
const QUIT_TIMEOUT_MS = 1000

/**
 * The registry in memory, or in Redis when there is a URL; the Redis libraries are loaded only then.
 * @throws ServerError `redis` when it cannot be reached
 */
export async function openStore(
  redisUrl: string | undefined,
  limits: StoreLimits,
  clock: Clock,
  log: (line: string) => void,
): Promise<OpenStore> {
  if (redisUrl === undefined || redisUrl === '') {
    return { store: new MemoryStore(limits, clock), adapter: undefined, close: async () => {} }
  }
  const [{ Redis }, { createAdapter }, { RedisStore }] = await Promise.all([
    import('ioredis'),
    import('@socket.io/redis-adapter'),
    import('./redis-store.ts'),
  ])
  const options = { lazyConnect: true, connectTimeout: CONNECT_TIMEOUT_MS, maxRetriesPerRequest: 2 }
  let started = false
  const connect = async () => {
    const client = new Redis(redisUrl, {
      ...options,
      retryStrategy: (times) => (started ? Math.min(times * 200, 5000) : null),
    })
    client.on('error', (error: unknown) => started && log(`redis: ${errorText(error)}`))
    await client.connect()
    return client
  }
  try {
    const publisher = await connect()
    const subscriber = await connect().catch((error: unknown) => {
      publisher.disconnect()
      throw error
    })
    started = true
    // The adapter unsubscribes without waiting: cut at once, its commands would be rejected with nobody to hear it.
    const close = async () => {
      await Promise.all(
        [publisher, subscriber].map(async (client) => {
          const onTimeout = () => new ServerError('redis', 'Redis did not say goodbye')
          await withDeadline(client.quit(), { clock: systemClock, timeoutMs: QUIT_TIMEOUT_MS, onTimeout }).catch(
            () => {},
          )
          client.disconnect()
        }),
      )
    }
    return { store: new RedisStore(publisher, limits), adapter: createAdapter(publisher, subscriber), close }
  } catch (cause) {
    throw new ServerError('redis', `Redis at ${withoutPassword(redisUrl)} cannot be reached: ${errorText(cause)}`, {
      cause,
    })
  }
}

function withoutPassword(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'REDIS_URL'
}
