import { expect, it } from 'vitest'
import { Attempts } from './attempts.ts'

it('what fails is lost with its first line, and what was done before stands', async () => {
  const tried = new Attempts(undefined)
  expect(await tried.at('blocks', async () => 8)).toBe(8)
  expect(await tried.at('streams', () => Promise.reject(new Error('the page is gone\n  at x')))).toBeUndefined()
  expect(tried.lost).toEqual(['streams: not measured: the page is gone'])
})

it('a run that is aborted ends, whatever it was at', async () => {
  const abort = new AbortController()
  const tried = new Attempts(abort.signal)
  const failing = tried.at('streams', async () => {
    abort.abort(new Error('enough'))
    throw new Error('the page is gone')
  })
  await expect(failing).rejects.toThrow('enough')
  expect(tried.lost).toEqual([])
})
