import type { DeviceId, RoomId } from '@roomful/core'
import type { Redis } from 'ioredis'
import type { JoinOutcome, Registration, RegistryStore, StoreLimits } from './store.ts'

/*
 * Keys: `roomful:room:ROOM` is a hash of device id -> registration (JSON); `roomful:seen` is a sorted set of "ROOM ID" by
 * the time of the last sign of life (Redis' own clock, so that servers need not agree); `roomful:rooms` is the set of
 * rooms. Each script changes all three together.
 */
const SEEN = 'roomful:seen'
const ROOMS = 'roomful:rooms'
const roomKey = (room: RoomId) => `roomful:room:${room}`

const NOW = `local time = redis.call('TIME'); local now = time[1] * 1000 + math.floor(time[2] / 1000)`
const OWNED = `local known = redis.call('HGET', KEYS[1], ARGV[2])
local owned = known and cjson.decode(known).resume == ARGV[3]`
const FORGET = `redis.call('HDEL', KEYS[1], ARGV[2]); redis.call('ZREM', KEYS[2], ARGV[1] .. ' ' .. ARGV[2])
if redis.call('HLEN', KEYS[1]) == 0 then redis.call('SREM', KEYS[3], ARGV[1]) end`
const REMEMBER = `redis.call('HSET', KEYS[1], ARGV[2], ARGV[4]); redis.call('SADD', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[1] .. ' ' .. ARGV[2])`

/** ARGV: room, device, previous resume token, registration, most rooms, most devices. */
const JOIN = `${NOW}
${OWNED}
if known and not owned then return 'id-taken' end
if not known then
  if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[5]) then return 'rooms-full' end
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then return 'room-full' end
end
${REMEMBER}
return known and 'resumed' or 'joined'`

/** ARGV: room, device, resume token, registration. */
const UPDATE = `${NOW}
${OWNED}
if not owned then return 0 end
${REMEMBER}
return 1`

/** ARGV: room, device, resume token. */
const TOUCH = `${NOW}
${OWNED}
if not owned then return 0 end
redis.call('ZADD', KEYS[2], now, ARGV[1] .. ' ' .. ARGV[2])
return 1`

const REMOVE = `${OWNED}
if not owned then return 0 end
${FORGET}
return 1`

/** ARGV: room, device, device timeout. Removes the entry when it still has not been heard of. */
const EXPIRE_ONE = `${NOW}
local seen = redis.call('ZSCORE', KEYS[2], ARGV[1] .. ' ' .. ARGV[2])
if not seen or tonumber(seen) >= now - tonumber(ARGV[3]) then return 0 end
${FORGET}
return 1`

/** ARGV: device timeout. At most 1000 at a time; the next sweep takes the rest. */
const SILENT = `${NOW}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - tonumber(ARGV[1])), 'LIMIT', 0, 1000)`

/** The registry of several servers that share one Redis. */
export class RedisStore implements RegistryStore {
  readonly #redis: Redis
  readonly #limits: StoreLimits

  /** The caller connects `redis` and keeps it; `close` leaves it open. */
  constructor(redis: Redis, limits: StoreLimits) {
    this.#redis = redis
    this.#limits = limits
  }

  async join(room: RoomId, entry: Registration, previousResume: string | undefined): Promise<JoinOutcome> {
    const { maxRooms, maxDevicesPerRoom } = this.#limits
    const last = [JSON.stringify(entry), maxRooms, maxDevicesPerRoom]
    return (await this.#run(JOIN, room, entry.profile.id, previousResume ?? '', ...last)) as JoinOutcome
  }

  async update(room: RoomId, entry: Registration): Promise<boolean> {
    return (await this.#run(UPDATE, room, entry.profile.id, entry.resume, JSON.stringify(entry))) === 1
  }

  async touch(room: RoomId, id: DeviceId, resume: string): Promise<boolean> {
    return (await this.#run(TOUCH, room, id, resume)) === 1
  }

  async remove(room: RoomId, id: DeviceId, resume: string): Promise<boolean> {
    return (await this.#run(REMOVE, room, id, resume)) === 1
  }

  async has(room: RoomId, id: DeviceId): Promise<boolean> {
    return (await this.#redis.hexists(roomKey(room), id)) === 1
  }

  async list(room: RoomId): Promise<readonly Registration[]> {
    const entries = await this.#redis.hvals(roomKey(room))
    return entries.map((entry) => JSON.parse(entry) as Registration)
  }

  async expire(): Promise<readonly { room: RoomId; id: DeviceId }[]> {
    const timeoutMs = this.#limits.deviceTimeoutMs
    const silent = (await this.#redis.eval(SILENT, 1, SEEN, timeoutMs)) as string[]
    const gone: { room: RoomId; id: DeviceId }[] = []
    for (const member of silent) {
      const [room, id] = member.split(' ') as [RoomId, DeviceId]
      // Of several servers that sweep at once, the one that removed the entry tells of it.
      if ((await this.#run(EXPIRE_ONE, room, id, timeoutMs)) === 1) gone.push({ room, id })
    }
    return gone
  }

  async count(): Promise<{ rooms: number; devices: number }> {
    const [rooms, devices] = await Promise.all([this.#redis.scard(ROOMS), this.#redis.zcard(SEEN)])
    return { rooms, devices }
  }

  async close(): Promise<void> {}

  #run(script: string, room: RoomId, id: DeviceId, ...rest: (string | number)[]): Promise<unknown> {
    return this.#redis.eval(script, 3, roomKey(room), SEEN, ROOMS, room, id, ...rest)
  }
}
