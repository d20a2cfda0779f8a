import type { AnswerSource, ExitName, RequestId, Span, Trace } from '@roomful/core'
import type { Attempt } from './attempt.ts'
import { placeSpans } from './place-spans.ts'

export interface TraceParts {
  readonly request: RequestId
  readonly method: string
  readonly source: AnswerSource
  readonly exit: ExitName
  readonly totalMs: number
  readonly recovered: string | undefined
  /** The attempt that answered. */
  readonly attempt: Attempt
  /** When it began, in milliseconds of the request. */
  readonly attemptMs: number
  /** The initiator's own spans outside the stages, in milliseconds of the request. */
  readonly own: readonly Span[]
  readonly self: Span['device']
}

/** A request's story of what has been reported so far. */
export function traceOf(parts: TraceParts): Trace {
  const { request, method, source, exit, totalMs, recovered, attempt, attemptMs, own, self } = parts
  const helpers = placeSpans(attempt.batches, attemptMs, totalMs, self)
  const spans = [...own.map((span) => stretched(span, helpers, totalMs)), ...helpers]
  return {
    request,
    method,
    source,
    exit,
    totalMs,
    spans: spans.toSorted((a, b) => a.startMs - b.startMs),
    ...(recovered === undefined ? {} : { recovered }),
  }
}

/** The initiator's own transfers end where the helper's first span was placed. */
function stretched(span: Span, helpers: readonly Span[], totalMs: number): Span {
  if (span.kind !== 'transfer') return span
  const first = helpers.filter((other) => other.device === span.to && other.volume === span.volume)
  const arrival = Math.min(totalMs, ...first.map((other) => other.startMs))
  return first.length === 0 ? span : { ...span, endMs: Math.max(span.startMs, arrival) }
}
