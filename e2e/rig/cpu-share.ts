import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CDPSession, Page } from 'playwright'
import { type CpuHierarchy, machineHierarchy, quotaFiles } from './cgroup.ts'
import { rememberGroup } from './leftovers.ts'

/** How a device's CPU share is brought about; every result names it. */
export type CpuMeans = 'cgroup' | 'cdp' | 'none'

export interface CpuShare {
  readonly means: CpuMeans
  /** Gives the device another share of one core, from now on. */
  change(cores: number): Promise<void>
  release(): Promise<void>
}

export interface CpuShareOptions {
  /** Share of one core; above 1 for several. */
  readonly cores: number
  /**
   * Period of the quota. Within one period the device runs at the machine's full speed until its quota is used up: a long
   * period lets a device that often waits for others look faster than it is. A short one costs: at 0.2 cores one-thread
   * inference took 1.20 x its nominal time with 10 ms, 1.06 x with 20 ms, 1.03 x with 50 ms. Default 20 ms.
   */
  readonly periodMs?: number
}

const DEFAULT_PERIOD_MS = 20
/** A group is removable only when its last process has been reaped. */
const REMOVE_TRIES = 20
const REMOVE_PAUSE_MS = 50
let groups = 0

/**
 * Limits the whole process tree of a browser: by a CPU quota (cgroup v1 or v2) as root; elsewhere by the DevTools protocol,
 * which slows the page's main thread only and not its Workers, so that figures do not compare.
 */
export async function limitCpu(rootPid: number, page: Page, options: CpuShareOptions): Promise<CpuShare> {
  const hierarchy = machineHierarchy()
  return hierarchy === undefined ? cdpShare(page, options) : cgroupShare(hierarchy, rootPid, options)
}

function cgroupShare(
  { root, version }: CpuHierarchy,
  rootPid: number,
  { cores, periodMs = DEFAULT_PERIOD_MS }: CpuShareOptions,
): CpuShare {
  const folder = path.join(root, `roomful-${process.pid}-${++groups}`)
  mkdirSync(folder)
  const group = rememberGroup(folder)
  const set = (share: number) => {
    for (const [file, text] of quotaFiles(version, share, periodMs)) writeFileSync(path.join(folder, file), text)
  }
  set(cores)
  // Twice: a process may have been born during the first walk; children of those inside are born inside.
  for (let walk = 0; walk < 2; walk++) for (const pid of processTree(rootPid)) join(folder, pid)
  return {
    means: 'cgroup',
    async change(share) {
      set(share)
    },
    async release() {
      for (let attempt = 0; attempt < REMOVE_TRIES; attempt++) {
        try {
          rmdirSync(folder)
          group.forget()
          return
        } catch {
          await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS))
        }
      }
    },
  }
}

function join(folder: string, pid: number): void {
  try {
    writeFileSync(path.join(folder, 'cgroup.procs'), String(pid))
  } catch {
    // The process has gone already.
  }
}

/** The process, its descendants, and everybody in its process group (Playwright makes a browser lead its own). */
export function processTree(rootPid: number): number[] {
  const parents = new Map<number, { parent: number; group: number }>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      // "pid (name) state ppid pgrp ...": the name may hold anything, also brackets.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, parent = '', group = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      parents.set(Number(name), { parent: Number(parent), group: Number(group) })
    } catch {
      // It has gone meanwhile.
    }
  }
  const isInside = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)?.parent) {
      if (at === rootPid || parents.get(at)?.group === rootPid) return true
    }
    return false
  }
  return [...parents.keys()].filter(isInside)
}

/** Ticks of a second in /proc (USER_HZ, the same on every Linux that browsers run on). */
const TICKS = 100

/** CPU time that the process tree has used so far; undefined where there is no /proc. */
export function cpuTimeMs(rootPid: number): number | undefined {
  if (!existsSync('/proc/self/stat')) return undefined
  let ticks = 0
  for (const pid of processTree(rootPid)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has gone meanwhile.
    }
  }
  return (ticks * 1000) / TICKS
}

async function cdpShare(page: Page, { cores }: CpuShareOptions): Promise<CpuShare> {
  const session: CDPSession | undefined = await page
    .context()
    .newCDPSession(page)
    .catch(() => undefined)
  if (session === undefined) return { means: 'none', async change() {}, async release() {} }
  const set = (share: number) =>
    session.send('Emulation.setCPUThrottlingRate', { rate: Math.max(1, 1 / share) }).then(() => {})
  await set(cores)
  return { means: 'cdp', change: set, release: () => session.detach().catch(() => {}) }
}
