import { describe, expect, it } from 'vitest'
import { pauseReason } from './presence.ts'

describe('pauseReason', () => {
  it('pauses lending while the tab is hidden', () => {
    expect(pauseReason({ visible: false })).toBe('the tab is hidden')
  })
  it('pauses on a low battery unless it is charging', () => {
    expect(pauseReason({ visible: true, battery: { level: 0.1, charging: false } })).toBe('the battery is low')
    expect(pauseReason({ visible: true, battery: { level: 0.1, charging: true } })).toBeUndefined()
  })
  it('lends where the browser tells nothing about the battery', () => {
    expect(pauseReason({ visible: true })).toBeUndefined()
  })
})
