import { createHmac } from 'node:crypto'

/** TURN and STUN servers, if any: on one network none is needed, and then no packet leaves it. */
export interface IceConfig {
  /** e.g. `stun:stun.example.org:3478` */
  readonly stunUrls: readonly string[]
  /** e.g. `turn:turn.example.org:3478?transport=udp` */
  readonly turnUrls: readonly string[]
  /** The secret shared with the TURN server (coturn: `use-auth-secret`, `static-auth-secret`). */
  readonly turnSecret: string | undefined
}

export interface IceServer {
  readonly urls: readonly string[]
  readonly username?: string
  readonly credential?: string
}

/** TURN credentials are valid this long. */
export const TURN_LIFETIME_S = 3600

/** From STUN_URL, TURN_URL (both may hold several, with commas) and TURN_SECRET. */
export function iceConfigFrom(env: Readonly<Record<string, string | undefined>>): IceConfig {
  const list = (text: string | undefined) =>
    (text ?? '')
      .split(',')
      .map((url) => url.trim())
      .filter((url) => url !== '')
  return { stunUrls: list(env['STUN_URL']), turnUrls: list(env['TURN_URL']), turnSecret: env['TURN_SECRET'] }
}

/**
 * What a browser gets as `iceServers`. TURN credentials are time-limited as in draft-uberti-behave-turn-rest-00: the user
 * name is the time of expiry, the password an HMAC-SHA-1 of it under the shared secret. `user` joins the name, for logs.
 */
export function iceServers(config: IceConfig, nowS: number, user: string): IceServer[] {
  const servers: IceServer[] = []
  if (config.stunUrls.length > 0) servers.push({ urls: config.stunUrls })
  if (config.turnUrls.length > 0 && config.turnSecret !== undefined) {
    const username = `${Math.floor(nowS) + TURN_LIFETIME_S}:${user}`
    const credential = createHmac('sha1', config.turnSecret).update(username).digest('base64')
    servers.push({ urls: config.turnUrls, username, credential })
  }
  return servers
}
