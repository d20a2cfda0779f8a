import type { PracticeView, RoomSession, RoomSnapshot } from 'roomful'
import { ms } from './format.ts'

/** The plan in words, with the runner-up plans and their predicted times. */
export function WhyPanel({ snapshot, session }: { snapshot: RoomSnapshot; session: RoomSession }) {
  const plan = snapshot.plan
  if (plan === undefined) return null
  return (
    <section class="why" aria-labelledby="why-title">
      <h2 id="why-title">Why this plan?</h2>
      <p>
        <strong>{plan.byHand ? 'Drawn by hand' : plan.plan.method}</strong>,{' '}
        {plan.plan.predicted.latencyMs > 0 ? `predicted ${ms(plan.plan.predicted.latencyMs)}` : 'no prediction'}
        {plan.status === 'preparing' && ' · devices are preparing; the old plan still runs'}
      </p>
      <ul>
        {plan.words.map((words) => (
          <li key={words}>{words}</li>
        ))}
      </ul>
      {plan.runnersUp.length > 0 && (
        <table>
          <caption>Runners-up</caption>
          <tbody>
            {plan.runnersUp.map((choice) => (
              <tr key={choice.method + choice.summary}>
                <th scope="row">{choice.method}</th>
                <td>{choice.summary}</td>
                <td class="number">{ms(choice.predictedMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {snapshot.practice !== undefined && <Practice practice={snapshot.practice} />}
      {plan.byHand && (
        <button type="button" onClick={() => void session.planAutomatically().catch(() => {})}>
          Plan automatically again
        </button>
      )}
    </section>
  )
}

/** What practice in quiet moments has come to. */
function Practice({ practice }: { practice: PracticeView }) {
  const { curve, trials } = practice
  return (
    <>
      {curve.length > 0 && <p class="hint">{practiceWords(practice)}</p>}
      {trials.length > 0 && (
        <ul class="trials" aria-label="Plans found in practice">
          {trials.slice(-SHOWN_TRIALS).map((trial) => (
            <li key={trial.summary + trial.reason}>
              <strong>{VERDICTS[trial.verdict]}</strong> {trial.summary} ({ms(trial.predictedMs)} predicted):{' '}
              {trial.reason}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

const SHOWN_TRIALS = 3
const VERDICTS = { adopted: 'Adopted:', refused: 'Turned down:', untried: 'Not tried:' } as const

function practiceWords({ curve, adopted, refused }: PracticeView): string {
  const episodes = `${curve.length} ${curve.length === 1 ? 'episode' : 'episodes'} of practice in quiet moments`
  const trials =
    adopted + refused === 0 ? 'nothing better found' : `${adopted} of ${adopted + refused} tried plans adopted`
  return `${episodes}: best ${ms(Math.min(...curve))} predicted, ${trials}.`
}
