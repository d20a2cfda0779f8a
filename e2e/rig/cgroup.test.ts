import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { cpuHierarchy, type GroupFiles, quotaFiles } from './cgroup.ts'

/** A mounted /sys/fs/cgroup as files by path; the kernel refuses what `refuses` names. */
function machine(
  files: Record<string, string>,
  { readOnly = false, refuses = false } = {},
): GroupFiles & { log: string[] } {
  const here = new Map(Object.entries(files).map(([name, text]) => [path.join('/cg', name), text]))
  const log: string[] = []
  return {
    log,
    exists: (file) => here.has(file),
    read(file) {
      const text = here.get(file)
      if (text === undefined) throw new Error(`ENOENT ${file}`)
      return text
    },
    write(file, text) {
      if (refuses) throw new Error('EBUSY')
      log.push(`${file} ${text}`)
      here.set(file, `${here.get(file) ?? ''} ${text.replace('+', '')}`)
    },
    writable: () => !readOnly,
  }
}

const V1 = { 'cpu/cpu.cfs_quota_us': '-1' }
const V2 = { 'cgroup.controllers': 'cpuset cpu io memory pids\n', 'cgroup.subtree_control': 'cpu memory\n' }

describe('the hierarchy that CPU groups are made in', () => {
  it('is version 1 where the controller is mounted by itself or with its accounting', () => {
    expect(cpuHierarchy(machine(V1), '/cg')).toEqual({ version: 1, root: '/cg/cpu' })
    const both = machine({ 'cpu,cpuacct/cpu.cfs_quota_us': '-1' })
    expect(cpuHierarchy(both, '/cg')).toEqual({ version: 1, root: '/cg/cpu,cpuacct' })
  })

  it('is version 1 on a hybrid machine, whose unified hierarchy has no cpu controller', () => {
    const hybrid = machine({ ...V1, 'unified/cgroup.controllers': '' })
    expect(cpuHierarchy(hybrid, '/cg')).toEqual({ version: 1, root: '/cg/cpu' })
  })

  it('is version 2 where the root has the controller, which is passed on to new groups', () => {
    const ready = machine(V2)
    expect(cpuHierarchy(ready, '/cg')).toEqual({ version: 2, root: '/cg' })
    expect(ready.log).toEqual([])
    const asked = machine({ ...V2, 'cgroup.subtree_control': 'memory\n' })
    expect(cpuHierarchy(asked, '/cg')).toEqual({ version: 2, root: '/cg' })
    expect(asked.log).toEqual(['/cg/cgroup.subtree_control +cpu'])
  })

  it('is none where nothing is mounted, the controller is missing, it cannot be written, or the kernel refuses', () => {
    expect(cpuHierarchy(machine({}), '/cg')).toBeUndefined()
    expect(cpuHierarchy(machine({ ...V2, 'cgroup.controllers': 'cpuset memory\n' }), '/cg')).toBeUndefined()
    expect(cpuHierarchy(machine(V1, { readOnly: true }), '/cg')).toBeUndefined()
    expect(cpuHierarchy(machine(V2, { readOnly: true }), '/cg')).toBeUndefined()
    const busy = machine({ ...V2, 'cgroup.subtree_control': '' }, { refuses: true })
    expect(cpuHierarchy(busy, '/cg')).toBeUndefined()
    expect(cpuHierarchy(machine({ 'cgroup.controllers': 'cpu\n' }), '/cg')).toBeUndefined()
  })
})

it('a quota is share times period in the form of each version, never below what the kernel takes', () => {
  expect(quotaFiles(1, 0.2, 20)).toEqual([
    ['cpu.cfs_period_us', '20000'],
    ['cpu.cfs_quota_us', '4000'],
  ])
  expect(quotaFiles(2, 0.2, 20)).toEqual([['cpu.max', '4000 20000']])
  expect(quotaFiles(2, 0.01, 20)).toEqual([['cpu.max', '1000 100000']])
  expect(quotaFiles(2, 2, 20)).toEqual([['cpu.max', '40000 20000']])
})
