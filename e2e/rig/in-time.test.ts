import { sleep, systemClock } from '@roomful/core'
import { describe, expect, it } from 'vitest'
import { inTime } from './in-time.ts'

describe('inTime', () => {
  it('says what did not come and within which time', async () => {
    const never = new Promise<void>(() => {})
    await expect(inTime(never, 20, 'phone: no answer')).rejects.toThrow('phone: no answer within 20 ms')
  })

  it('waits where no deadline is meant', async () => {
    const soon = sleep(systemClock, 20).then(() => 'done')
    expect(await inTime(soon, Number.MAX_SAFE_INTEGER + 30_000, 'nothing')).toBe('done')
  })
})
