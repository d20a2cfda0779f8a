import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'
import { REPOSITORY } from '../../../../e2e/rig/room.ts'

/** Where and when the figures were measured. */
export interface Machine {
  readonly date: string
  readonly commit: string
  readonly processor: string
  readonly cores: number
  readonly browser: string
  /** Running and waiting processes over the last minute, at the end. */
  readonly load: number
}

export function machine(browserVersion: string | undefined, commit: string): Machine {
  return {
    date: new Date().toISOString(),
    commit,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    browser: `Chromium ${browserVersion ?? 'unknown'}`,
    load: loadavg()[0] ?? Number.NaN,
  }
}

/** What is checked out now; others may commit while a benchmark runs. */
export function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: REPOSITORY, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
