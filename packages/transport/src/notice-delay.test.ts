import { seededRandom } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { NoticeDelay } from './notice-delay.ts'

describe('NoticeDelay', () => {
  it('knows nothing before the first one, and is cautious after it', () => {
    const notice = new NoticeDelay()
    expect(notice.usualMs).toBe(0)
    notice.add(20)
    expect(notice.usualMs).toBe(40)
  })

  it('covers most delays that vary, and follows them when they become shorter', () => {
    const notice = new NoticeDelay()
    const random = seededRandom(1)
    let covered = 0
    for (let count = 0; count < 1000; count++) {
      const ms = 30 + 40 * random.next()
      if (ms <= notice.usualMs) covered++
      notice.add(ms)
    }
    expect(covered / 1000).toBeGreaterThan(0.9)
    for (let count = 0; count < 60; count++) notice.add(10)
    expect(notice.usualMs).toBeLessThan(11)
  })

  it('is never longer than what the browser itself waits allows, whatever was lost', () => {
    const notice = new NoticeDelay()
    for (const ms of [700, 20, 20, 700, 700]) notice.add(ms)
    expect(notice.usualMs).toBeLessThanOrEqual(100)
  })
})
