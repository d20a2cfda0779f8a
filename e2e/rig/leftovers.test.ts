import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownerOf, sweepLeftovers, temporaryFolder } from './leftovers.ts'

let place: string
beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'leftovers-test-'))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

/** The id of a process that has ended. */
function deadPid(): number {
  const { pid } = spawnSync(process.execPath, ['--eval', ''])
  return pid
}

describe('leftovers', () => {
  it('of processes that are no more are removed, others stay', () => {
    const groups = path.join(place, 'groups')
    const temporary = path.join(place, 'temporary')
    const dead = deadPid()
    const gone = [path.join(groups, `roomful-${dead}-1`), path.join(temporary, `roomful-browser-${dead}-abc`)]
    const kept = [
      path.join(groups, `roomful-${process.pid}-1`),
      path.join(groups, `roomful-${process.ppid}-1`),
      path.join(groups, 'somebody'),
      path.join(temporary, 'roomful-plans-abc'),
      path.join(temporary, `roomful-browser-${process.pid}-abc`),
    ]
    for (const folder of [...gone, ...kept]) mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(temporary, `roomful-browser-${dead}-abc`, 'SingletonSocket'), '')
    expect(sweepLeftovers({ groups, temporary })).toBe(2)
    expect(gone.filter(existsSync)).toEqual([])
    expect(kept.filter((folder) => !existsSync(folder))).toEqual([])
  })

  it('that are not empty groups are somebody else’s processes', () => {
    const group = path.join(place, `roomful-${deadPid()}-1`)
    mkdirSync(path.join(group, 'inside'), { recursive: true })
    expect(sweepLeftovers({ groups: place, temporary: path.join(place, 'absent') })).toBe(0)
    expect(existsSync(group)).toBe(true)
  })

  it('say whose they are', () => {
    expect(ownerOf('roomful-12-3')).toBe(12)
    expect(ownerOf('roomful-browser-12-aXb')).toBe(12)
    expect(ownerOf('roomful-test-12')).toBeUndefined()
  })

  it('do not arise where a folder is released', () => {
    const folder = temporaryFolder()
    expect(readdirSync(folder.path)).toEqual([])
    folder.release()
    expect(existsSync(folder.path)).toBe(false)
  })
})
