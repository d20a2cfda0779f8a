import { describe, expect, it } from 'vitest'
import { tabAfter } from './panels.ts'

describe('tabAfter', () => {
  it('goes around with the arrows and to the ends with Home and End', () => {
    expect(tabAfter('Split', 'ArrowRight')).toBe('Room')
    expect(tabAfter('Time', 'ArrowRight')).toBe('Split')
    expect(tabAfter('Split', 'ArrowLeft')).toBe('Time')
    expect(tabAfter('Room', 'Home')).toBe('Split')
    expect(tabAfter('Room', 'End')).toBe('Time')
  })
  it('leaves other keys alone', () => {
    expect(tabAfter('Room', 'Enter')).toBeUndefined()
  })
})
