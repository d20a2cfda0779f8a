import { type RequestView, SPAN_KINDS } from 'roomful'

/** One line a request (RFC 4180): what was answered and the milliseconds of each kind of work over all devices. */
export function requestsCsv(requests: readonly RequestView[]): string {
  const head = [
    'request',
    'ended',
    'method',
    'source',
    'exit',
    'label',
    'confidence',
    'totalMs',
    ...SPAN_KINDS.map((kind) => `${kind}Ms`),
  ]
  const lines = requests.map(({ trace, answer, endedAt }) => [
    trace.request,
    new Date(endedAt).toISOString(),
    trace.method,
    trace.source,
    trace.exit,
    answer?.label ?? '',
    answer?.confidence.toFixed(4) ?? '',
    trace.totalMs.toFixed(3),
    ...SPAN_KINDS.map((kind) =>
      trace.spans.reduce((sum, span) => sum + (span.kind === kind ? span.endMs - span.startMs : 0), 0).toFixed(3),
    ),
  ])
  return `${[head, ...lines].map((line) => line.map(field).join(',')).join('\r\n')}\r\n`
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
