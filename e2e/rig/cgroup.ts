import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** What is asked of the file system; a test brings its own. */
export interface GroupFiles {
  exists(file: string): boolean
  read(file: string): string
  /** @throws where the kernel refuses */
  write(file: string, text: string): void
  writable(folder: string): boolean
}

/** Where CPU groups are made: a folder that takes new groups, and the form of their quotas. */
export interface CpuHierarchy {
  readonly version: 1 | 2
  readonly root: string
}

const MOUNT = '/sys/fs/cgroup'
/** The controller by itself, or together with accounting where distributions mount both at one place. */
const V1_ROOTS = ['cpu', 'cpu,cpuacct', 'cpuacct,cpu']
/** The kernel refuses less in both versions. */
const MIN_QUOTA_US = 1000

/**
 * The hierarchy with the `cpu` controller: version 1 where it is mounted (a hybrid machine has its `cpu` there), else version 2,
 * whose root must pass the controller on to new groups; it is told to where it does not yet. undefined where there is
 * none, where it cannot be written (no root, a container), or where the kernel refuses (a namespace's root that holds
 * processes of its own).
 */
export function cpuHierarchy(files: GroupFiles, mount = MOUNT): CpuHierarchy | undefined {
  const v1 = V1_ROOTS.map((name) => path.join(mount, name)).find((root) =>
    files.exists(path.join(root, 'cpu.cfs_quota_us')),
  )
  if (v1 !== undefined) return files.writable(v1) ? { version: 1, root: v1 } : undefined
  const controllers = path.join(mount, 'cgroup.controllers')
  if (!files.exists(controllers) || !words(files, controllers).includes('cpu') || !files.writable(mount))
    return undefined
  return passesOn(files, path.join(mount, 'cgroup.subtree_control')) ? { version: 2, root: mount } : undefined
}

function passesOn(files: GroupFiles, control: string): boolean {
  try {
    if (!words(files, control).includes('cpu')) files.write(control, '+cpu')
    return words(files, control).includes('cpu')
  } catch {
    return false
  }
}

const words = (files: GroupFiles, file: string): string[] => files.read(file).trim().split(/\s+/)

/** What limits a group to `cores` x period in every period: texts by file name. A share below the smallest quota gets a longer period. */
export function quotaFiles(version: CpuHierarchy['version'], cores: number, periodMs: number): [string, string][] {
  const periodUs = Math.max(Math.round(periodMs * 1000), Math.ceil(MIN_QUOTA_US / cores))
  const quotaUs = Math.round(periodUs * cores)
  if (version === 2) return [['cpu.max', `${quotaUs} ${periodUs}`]]
  return [
    ['cpu.cfs_period_us', String(periodUs)],
    ['cpu.cfs_quota_us', String(quotaUs)],
  ]
}

const NODE_FILES: GroupFiles = {
  exists: existsSync,
  read: (file) => readFileSync(file, 'utf8'),
  write: (file, text) => writeFileSync(file, text),
  writable(folder) {
    try {
      accessSync(folder, constants.W_OK)
      return true
    } catch {
      return false
    }
  },
}

let found: { readonly hierarchy: CpuHierarchy | undefined } | undefined

/** This machine's, looked for once; undefined without root. */
export function machineHierarchy(): CpuHierarchy | undefined {
  found ??= { hierarchy: process.getuid?.() === 0 ? cpuHierarchy(NODE_FILES) : undefined }
  return found.hierarchy
}
