import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Checkpoints } from './checkpoints.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'checkpoints-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('checkpoints', () => {
  it('give back what an earlier run of the same version has done, until all is done', async () => {
    let runs = 0
    const part = async () => ({ value: ++runs })
    expect(await new Checkpoints(folder, 'a', () => {}).part('one row', part)).toEqual({ value: 1 })
    expect(await new Checkpoints(folder, 'a', () => {}).part('one row', part)).toEqual({ value: 1 })
    expect(await new Checkpoints(folder, 'b', () => {}).part('one row', part)).toEqual({ value: 2 })
    await new Checkpoints(folder, 'a', () => {}).clear()
    expect(await new Checkpoints(folder, 'a', () => {}).part('one row', part)).toEqual({ value: 3 })
  })

  it('do not keep what failed, and do again what was cut off while it was written', async () => {
    const done = new Checkpoints(folder, 'a', () => {})
    await expect(done.part('row', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await done.part('row', async () => 1)).toBe(1)
    await writeFile(path.join(folder, 'a', 'row.json'), '{"cut')
    expect(await done.part('row', async () => 2)).toBe(2)
  })
})
