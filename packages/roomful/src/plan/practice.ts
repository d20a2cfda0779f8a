import { type Clock, sleep } from '@roomful/core'
import type { InstalledPlan, Runtime } from '@roomful/runtime'
import type { Asking } from '../asking.ts'
import type { PracticeView } from '../snapshot.ts'
import type { SnapshotStore } from '../view/store.ts'
import type { ChosenPlan, Planning } from './planning.ts'
import type { PlanningDesk } from './planning-desk.ts'

/** Nobody has asked anything for this long. */
const QUIET_MS = 6_000
/** One stretch of training, and how many stretches one room is worth. */
const EPISODES = 12
const MAX_STRETCHES = 5
/** A trial runs each plan so often, in turns. */
const TRIAL_RUNS = 5
/** A learned plan must be measured better by this share. */
const GAIN = 0.05

export interface PracticeOptions {
  readonly planning: Planning
  readonly desk: PlanningDesk
  readonly runtime: Runtime
  readonly asking: Asking
  readonly store: SnapshotStore
  readonly clock: Clock
  /** Whether this device may spend time on it now (visible, not on a low battery). */
  readonly mayPractise: () => boolean
  /** A stretch of it begins or ends. */
  readonly onStretch?: (practising: boolean) => void
  readonly signal: AbortSignal
}

/**
 * While nobody asks anything, lets the agent practise on the room as it is, and tries what it found on a grey picture
 * against the plan in use: only what is measured better is adopted. Stops as soon as somebody asks. Ends with `signal`.
 */
export async function practise(options: PracticeOptions): Promise<void> {
  const { asking, clock, desk, planning, store, signal } = options
  let room = ''
  let stretches = 0
  /** Whether what thorough planning finds here has been decided on. */
  let looked = false
  for (;;) {
    await sleep(clock, QUIET_MS / 2, signal)
    await asking.idle(QUIET_MS, signal)
    const task = desk.practiceTask
    // A device that only helps has nothing to plan better.
    if (task === undefined || store.snapshot.stats.answered === 0 || !options.mayPractise()) continue
    const now = `${task.digest} ${task.current.planId} ${task.topology.devices.map(({ id }) => id).join()}`
    if (now !== room) {
      room = now
      stretches = 0
      looked = false
      store.drop('practice')
    }
    if (stretches >= MAX_STRETCHES) continue
    const training = { episodes: EPISODES, seed: ++stretches, thorough: !looked }
    const stop = watchForRequests(options)
    options.onStretch?.(true)
    try {
      const { digest, topology, planning: wish, current } = task
      const { curve, better } = await planning.practise(digest, topology, wish, current.plan, training)
      const before: PracticeView = store.snapshot.practice ?? { curve: [], adopted: 0, refused: 0 }
      const view = { ...before, curve: [...before.curve, ...curve] }
      store.update({ practice: view })
      if (asking.busy) continue
      looked ||= better === undefined
      if (better === undefined) continue
      const adopted = await measuredBetter(options, current, better)
      if (adopted === undefined) continue
      looked = true
      store.update({
        practice: { ...view, adopted: view.adopted + (adopted ? 1 : 0), refused: view.refused + (adopted ? 0 : 1) },
      })
      if (adopted) await desk.adopt(better)
    } catch {
      signal.throwIfAborted()
      // What failed in the background is tried again in the next quiet time, or not at all.
    } finally {
      stop()
      options.onStretch?.(false)
    }
  }
}

/** Ends a stretch of training when a request comes. */
function watchForRequests({ asking, clock, planning }: PracticeOptions): () => void {
  const look = () => {
    if (asking.busy) planning.rest().catch(() => {})
    else cancel = clock.after(100, look)
  }
  let cancel = clock.after(100, look)
  return () => cancel()
}

/** Runs both plans in turns on a grey picture; undefined when somebody asked meanwhile: half a trial is none. */
async function measuredBetter(
  options: PracticeOptions,
  current: InstalledPlan,
  better: ChosenPlan,
): Promise<boolean | undefined> {
  const { runtime, desk, asking, signal } = options
  const size = desk.model?.pack.manifest.input
  if (size === undefined) return undefined
  const { width, height } = size
  const candidate = await runtime.prepare(better.plan, signal)
  const ms = { current: 0, candidate: 0 }
  const run = async (plan: InstalledPlan) => {
    const picture = { width, height, data: new Uint8ClampedArray(width * height * 4).fill(128) }
    return (await runtime.infer({ picture }, { plan, signal, cache: false })).trace.totalMs
  }
  try {
    for (let turn = -1; turn < TRIAL_RUNS; turn++) {
      if (asking.busy || !runtime.usable(current)) return undefined
      const [a, b] = [await run(current), await run(candidate)]
      // The first turn warms both.
      if (turn >= 0) {
        ms.current += a
        ms.candidate += b
      }
    }
    return ms.candidate < ms.current * (1 - GAIN)
  } finally {
    runtime.retire(candidate)
  }
}
