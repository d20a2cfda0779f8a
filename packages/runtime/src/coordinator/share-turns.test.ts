import { expect, it } from 'vitest'
import { ShareTurns } from './share-turns.ts'

const always = () => true

function turns(...members: [string, number, number][]): ShareTurns<string> {
  const out = new ShareTurns<string>()
  out.replace(members.map(([member, share, window]) => ({ member, share, window })))
  return out
}

it('takes turns in proportion to the shares, evenly spread', () => {
  const both = turns(['a', 2, 9], ['b', 1, 9])
  expect(Array.from({ length: 6 }, () => both.next(always)).join('')).toBe('abaaba')
})

it('goes past a member whose window is full, and comes back to it when it has room', () => {
  const both = turns(['slow', 1, 1], ['fast', 1, 2])
  both.enter('slow')
  expect([both.next(always), both.next(always)]).toEqual(['fast', 'fast'])
  both.leave('slow')
  expect(['slow', 'fast']).toContain(both.next(always))
  expect(both.window).toBe(3)
})

it('gives somebody even when all are full, broken or replaced', () => {
  const one = turns(['a', 1, 1])
  one.enter('a')
  expect(one.next(always)).toBe('a')
  expect(one.next(() => false)).toBe('a')
  one.replace([{ member: 'b', share: 1, window: 1 }])
  one.leave('a')
  expect(one.next(always)).toBe('b')
  expect(turns().next(always)).toBeUndefined()
})
