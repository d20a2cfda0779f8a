import { describe, expect, it } from 'vitest'
import { MessageStream } from './message-stream.ts'

function fed(times: readonly number[]): MessageStream {
  const stream = new MessageStream()
  for (const atMs of times) stream.add(atMs)
  return stream
}

describe('MessageStream', () => {
  it('expects the next message a little later than the longest gap of late', () => {
    expect(fed([0, 8, 16]).nextWithinMs).toBe(0)
    expect(fed([0, 8, 16, 24]).nextWithinMs).toBe(10)
    expect(fed([0, 8, 16, 24, 44]).nextWithinMs).toBe(25)
    expect(fed([0, 20, ...Array.from({ length: 100 }, (_, index) => 24 + 4 * index)]).nextWithinMs).toBe(5)
  })

  it('expects none after a pause, nor from messages that are far apart', () => {
    expect(fed([0, 8, 16, 24, 45]).nextWithinMs).toBe(0)
    expect(fed([0, 33, 66, 99, 132]).nextWithinMs).toBe(0)
  })
})
