import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PLANNING_CASES, planOnce } from './planning-cases.ts'

export interface PlanningTime {
  readonly what: string
  /** A process's first plan, median of some processes: code is interpreted, and compilers share its cores. */
  readonly firstMs: number
  /** Once the code is hot, as where a room plans again and again. */
  readonly medianMs: number
  /** Processor time of the hot process, for busy machines. */
  readonly medianCpuMs: number
  readonly budgetMs: number
}

const WARM_UP = 15
const PROCESSES = 3
const PROCESS_TIMEOUT_MS = 60_000

/** Times `auto` in rooms of 8 and 16 unlike devices: the first plan of fresh processes, and plans of hot code. */
export async function planningTimes(repeats: number): Promise<PlanningTime[]> {
  const out: PlanningTime[] = []
  for (const [index, one] of PLANNING_CASES.entries()) {
    const first: number[] = []
    for (let i = 0; i < PROCESSES; i++) first.push(await firstPlanMs(index))
    const wall: number[] = []
    const cpu: number[] = []
    for (let i = 0; i < repeats + WARM_UP; i++) {
      const before = process.cpuUsage()
      const ms = await planOnce(one)
      const { user, system } = process.cpuUsage(before)
      if (i < WARM_UP) continue
      wall.push(ms)
      cpu.push((user + system) / 1000)
    }
    const { what, budgetMs } = one
    out.push({ what, firstMs: median(first), medianMs: median(wall), medianCpuMs: median(cpu), budgetMs })
  }
  return out
}

/** The case planned once by a process of its own; its start and the loading of code do not count. */
async function firstPlanMs(index: number): Promise<number> {
  const script = fileURLToPath(new URL('./first-plan.ts', import.meta.url))
  const args = [...process.execArgv, script, String(index)]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: PROCESS_TIMEOUT_MS })
  return Number(stdout)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}
