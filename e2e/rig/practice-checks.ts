import type { PracticeView, RoomSnapshot, TrialView } from 'roomful'

/** A plan must be measured better by this share (packages/roomful/src/plan/practice.ts). */
const GAIN = 0.05
/** Of one picture in this time at most a copy is kept for trials (packages/roomful/src/picture/recent-pictures.ts). */
export const PICTURE_EVERY_MS = 5_100

/** What is wrong with what practice says of itself: every plan it came to has a verdict that follows from what was measured. */
export function practiceProblems({ plan, practice }: Pick<RoomSnapshot, 'plan' | 'practice'>): string[] {
  if (practice === undefined) return ['nothing was practised']
  const { adopted, refused, trials } = practice
  const count = (verdict: TrialView['verdict']) => trials.filter((trial) => trial.verdict === verdict).length
  const problems = trials.flatMap(trialProblems)
  if (count('adopted') !== adopted || count('refused') !== refused) problems.push('verdicts are not counted right')
  if (adopted === 0 && plan?.plan.method === 'learned') problems.push('a learned plan is in use that nobody adopted')
  return problems
}

function trialProblems({ verdict, reason, measured, summary, predictedMs }: TrialView): string[] {
  const problems: string[] = []
  const expect = (isRight: boolean, what: string) => {
    if (!isRight) problems.push(`${verdict} ${summary}: ${what}: ${reason}`)
  }
  expect(summary !== '' && predictedMs > 0, 'says neither what it is nor what is predicted')
  if (verdict === 'untried') {
    expect(measured === undefined, 'was measured and says that it was not tried')
    expect(/plan in use|before/.test(reason), 'does not say why it was not tried')
  } else if (measured === undefined) {
    expect(verdict === 'refused' && reason.includes('could not be run'), 'was decided on without a measurement')
  } else {
    const { currentMs, candidateMs, pictures, runs } = measured
    expect(verdict === (candidateMs < currentMs * (1 - GAIN) ? 'adopted' : 'refused'), 'does not follow from the times')
    expect(reason.includes(`${candidateMs.toFixed(1)} ms against ${currentMs.toFixed(1)} ms`), 'hides its figures')
    expect(pictures > 0 && runs >= 3, 'was not measured on pictures that somebody asked about')
  }
  return problems
}

/** For a person: the curve's ends, and every plan with its verdict. */
export function practiceWords({ curve, trials }: PracticeView): string {
  const lines = trials.map(
    ({ by, verdict, summary, predictedMs, currentPredictedMs, reason }) =>
      `  ${verdict} (by ${by}): ${summary}; predicted ${predictedMs.toFixed(1)} ms, the plan in use ${currentPredictedMs.toFixed(1)} ms: ${reason}`,
  )
  const best =
    curve.length === 0 ? 'none' : `${curve.at(0)?.toFixed(1)} to ${Math.min(...curve).toFixed(1)} ms predicted`
  return [`${curve.length} episodes, best ${best}`, ...lines].join('\n')
}
