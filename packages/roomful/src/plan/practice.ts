import { type Clock, errorText, type Plan, type PlanId, sleep } from '@roomful/core'
import type { Runtime } from '@roomful/runtime'
import type { Asking } from '../asking.ts'
import type { RecentPictures } from '../picture/recent-pictures.ts'
import type { PracticeView, TrialTimes, TrialView } from '../snapshot.ts'
import type { SnapshotStore } from '../view/store.ts'
import { whenAsked } from '../when-asked.ts'
import { samePlan } from './plan-records.ts'
import type { FoundPlan, Planning } from './planning.ts'
import type { PlanningDesk } from './planning-desk.ts'
import { tryPlan } from './trial.ts'

/** Nobody has asked anything for this long. */
const QUIET_MS = 6_000
/** One stretch of training, and how many stretches one plan in one room is worth. */
const EPISODES = 12
const MAX_STRETCHES = 5
/** A plan must be measured better by this share. */
const GAIN = 0.05
const MAX_TRIALS = 10
const LEAST_TRUST = 0.5
/** Plans that are remembered as tried, in one room. */
const MAX_TRIED = 16

export interface PracticeOptions {
  readonly planning: Planning
  readonly desk: PlanningDesk
  readonly runtime: Runtime
  readonly asking: Asking
  readonly pictures: Pick<RecentPictures, 'among'>
  readonly store: SnapshotStore
  readonly clock: Clock
  /** Whether this device may spend time on it now (visible, not on a low battery). */
  readonly mayPractise: () => boolean
  /** A stretch of it begins or ends. */
  readonly onStretch?: (practising: boolean) => void
  readonly signal: AbortSignal
}

type Task = NonNullable<PlanningDesk['practiceTask']>

/** What practice is about: a plan in a room, how much was done for it, and what was tried there. */
interface Course {
  readonly place: string
  plan: PlanId
  stretches: number
  /** Whether what thorough planning finds here has been decided on. */
  looked: boolean
  tried: readonly Plan[]
}

/**
 * While nobody asks anything, lets the agent practise on the room as it is, and tries what it found on the last pictures
 * against the plan in use: only what is measured better is adopted. Stops as soon as somebody asks. Ends with `signal`.
 */
export async function practise(options: PracticeOptions): Promise<void> {
  const { asking, clock, desk, store, signal } = options
  let course: Course | undefined
  for (;;) {
    await sleep(clock, QUIET_MS / 2, signal)
    await asking.idle(QUIET_MS, signal)
    const task = desk.practiceTask
    // A device that only helps has nothing to plan better.
    if (task === undefined || store.snapshot.stats.answered === 0 || !options.mayPractise()) continue
    const before = course
    course = courseFor(task, course)
    if (course !== before && store.snapshot.practice !== undefined) show(store, { curve: [] })
    if (course.stretches >= MAX_STRETCHES) continue
    const stop = whenAsked(
      clock,
      () => asking.busy,
      () => void options.planning.rest().catch(() => {}),
    )
    options.onStretch?.(true)
    try {
      await stretch(options, task, course)
    } catch {
      signal.throwIfAborted()
      // What failed in the background is tried again in the next quiet time, or not at all.
    } finally {
      stop()
      options.onStretch?.(false)
    }
  }
}

function courseFor({ digest, topology, current }: Task, before: Course | undefined): Course {
  const place = `${digest} ${topology.devices.map(({ id }) => id).join()}`
  if (before?.place === place && before.plan === current.planId) return before
  const tried = before?.place === place ? before.tried : []
  return { place, plan: current.planId, stretches: 0, looked: false, tried }
}

async function stretch(options: PracticeOptions, task: Task, course: Course): Promise<void> {
  const { asking, desk, planning, store } = options
  const { digest, topology, planning: wish, current } = task
  const { looked, tried } = course
  const training = { episodes: EPISODES, seed: ++course.stretches, thorough: !looked, tried }
  const { curve, found } = await planning.practise(digest, topology, wish, current.plan, training)
  show(store, { curve: [...viewOf(store).curve, ...curve] })
  if (asking.busy) return
  course.looked ||= found?.by !== 'planning'
  if (found === undefined) return
  const trial = found.untried === undefined ? await decide(options, task, found) : untried(found, found.untried)
  if (trial === undefined) return
  course.looked = true
  if (trial.verdict !== 'untried') course.tried = [...tried, found.chosen.plan].slice(-MAX_TRIED)
  const { adopted, refused, trials } = viewOf(store)
  show(store, {
    adopted: adopted + (trial.verdict === 'adopted' ? 1 : 0),
    refused: refused + (trial.verdict === 'refused' ? 1 : 0),
    trials: withTrial(trials, trial),
  })
  if (trial.verdict !== 'adopted') return
  const { chosen } = found
  await desk.adopt({ ...chosen, words: [...chosen.words, trial.reason] }, trustOf(trial))
  // Practice goes on from what it has found.
  const now = desk.practiceTask?.current
  if (now !== undefined && samePlan(now.plan, chosen.plan, true)) course.plan = now.planId
}

/** Tries a plan that was found; undefined when somebody asked meanwhile. */
async function decide(
  { runtime, clock, pictures, desk, asking, signal }: PracticeOptions,
  { current }: Task,
  found: FoundPlan,
): Promise<TrialView | undefined> {
  const size = desk.model?.pack.manifest.input
  if (size === undefined) return undefined
  const isAsking = () => asking.busy
  try {
    const { plan } = found.chosen
    const measured = await tryPlan(plan, current, { runtime, clock, pictures, size, isAsking, signal })
    if (measured === undefined) return undefined
    const verdict = measured.candidateMs < measured.currentMs * (1 - GAIN) ? 'adopted' : 'refused'
    return { ...untried(found, measuredWords(measured)), verdict, measured }
  } catch (error) {
    signal.throwIfAborted()
    return { ...untried(found, `it could not be run: ${errorText(error)}`), verdict: 'refused' }
  }
}

/** How much better than predicted a plan was measured beside the other one, as a ratio of at most 1. */
function trustOf({ predictedMs, currentPredictedMs, measured }: TrialView): number {
  if (measured === undefined) return 1
  const trust = measured.candidateMs / measured.currentMs / (predictedMs / currentPredictedMs)
  return Number.isFinite(trust) ? Math.min(1, Math.max(LEAST_TRUST, trust)) : 1
}

function untried({ by, chosen, currentMs }: FoundPlan, reason: string): TrialView {
  const { predicted } = chosen.plan
  const summary = chosen.words[0] ?? ''
  return {
    by,
    summary,
    predictedMs: predicted.latencyMs,
    currentPredictedMs: currentMs,
    verdict: 'untried',
    reason,
  }
}

function measuredWords({ currentMs, candidateMs, pictures, runs }: TrialTimes): string {
  const share = Math.round(Math.abs(1 - candidateMs / currentMs) * 100)
  const compared = candidateMs < currentMs ? `${share} % faster` : `${share} % slower`
  const shown =
    pictures === 0 ? 'a grey picture' : pictures === 1 ? 'the last picture' : `the last ${pictures} pictures`
  return (
    `measured ${compared}: ${candidateMs.toFixed(1)} ms against ${currentMs.toFixed(1)} ms, ` +
    `${runs} runs of each on ${shown}; ${Math.round(GAIN * 100)} % are asked for`
  )
}

/** A plan that was not worth a trial is told once. */
function withTrial(trials: readonly TrialView[], trial: TrialView): readonly TrialView[] {
  const last = trials.at(-1)
  const isRepeated = last?.verdict === 'untried' && trial.verdict === 'untried' && last.summary === trial.summary
  return [...(isRepeated ? trials.slice(0, -1) : trials), trial].slice(-MAX_TRIALS)
}

const viewOf = (store: SnapshotStore): PracticeView =>
  store.snapshot.practice ?? { curve: [], adopted: 0, refused: 0, trials: [] }

function show(store: SnapshotStore, change: Partial<PracticeView>): void {
  store.update({ practice: { ...viewOf(store), ...change } })
}
