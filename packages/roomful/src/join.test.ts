import { describe, expect, it } from 'vitest'
import { joinRoom } from './join.ts'

describe('joinRoom', () => {
  it('refuses at once what is no address of a server', async () => {
    for (const url of ['not a url', '/room', 'localhost:8443']) {
      await expect(joinRoom({ url })).rejects.toMatchObject({ name: 'TransportError', reason: 'malformed' })
    }
  })
})
