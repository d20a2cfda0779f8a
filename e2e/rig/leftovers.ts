import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { machineHierarchy } from './cgroup.ts'

const PREFIX = 'roomful-browser-'
const EXIT_WAIT_MS = 20
const EXIT_TRIES = 10

const folders = new Set<string>()
const groups = new Set<string>()
let armed = false

/**
 * A folder for what a browser leaves in TMPDIR (its lock's socket, shared memory), named after this process, so that a later run
 * can tell whose it was. `release` removes it.
 */
export function temporaryFolder(): { readonly path: string; release(): void } {
  arm()
  const folder = mkdtempSync(path.join(tmpdir(), `${PREFIX}${process.pid}-`))
  folders.add(folder)
  return {
    path: folder,
    release() {
      folders.delete(folder)
      removeFolder(folder)
    },
  }
}

/** Remembers a CPU group until `forget`; what is left of it when the process exits goes with it. */
export function rememberGroup(group: string): { forget(): void } {
  arm()
  groups.add(group)
  return { forget: () => groups.delete(group) }
}

/** The process a leftover belongs to, by its name; undefined for other names. */
export function ownerOf(name: string): number | undefined {
  const match = /^roomful-(?:browser-)?(\d+)-/.exec(name)
  return match === null ? undefined : Number(match[1])
}

/**
 * Removes what processes have left that were killed before they could: empty CPU groups and temporary folders of owners that are
 * no more. Returns how many.
 */
export function sweepLeftovers(places: { readonly groups?: string; readonly temporary: string }): number {
  let removed = 0
  const { groups } = places
  for (const name of groups === undefined ? [] : namesIn(groups)) {
    if (groups !== undefined && isOrphan(name) && removeGroup(path.join(groups, name))) removed++
  }
  for (const name of namesIn(places.temporary)) {
    if (isOrphan(name) && removeFolder(path.join(places.temporary, name))) removed++
  }
  return removed
}

function arm(): void {
  if (armed) return
  armed = true
  const groupsIn = machineHierarchy()?.root
  sweepLeftovers({ ...(groupsIn === undefined ? {} : { groups: groupsIn }), temporary: tmpdir() })
  // Playwright's own listener kills the browsers.
  process.on('exit', () => {
    for (const folder of folders) removeFolder(folder)
    for (const group of groups) removeOnExit(group)
  })
}

function removeOnExit(group: string): void {
  for (let attempt = 0; attempt < EXIT_TRIES; attempt++) {
    try {
      // A group with processes cannot be removed: what is about to die does so in the parent.
      const pids = readFileSync(path.join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
      for (const pid of pids) writeFileSync(path.join(path.dirname(group), 'cgroup.procs'), pid)
    } catch {
      // It has died meanwhile, or the group has gone.
    }
    if (removeGroup(group)) return
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EXIT_WAIT_MS)
  }
}

function isOrphan(name: string): boolean {
  const owner = ownerOf(name)
  if (owner === undefined || owner === process.pid) return false
  try {
    process.kill(owner, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Only an empty group goes: its processes are somebody's. */
function removeGroup(group: string): boolean {
  try {
    rmdirSync(group)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function removeFolder(folder: string): boolean {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 2 })
    return true
  } catch {
    return false
  }
}
